"""MIRACLE 2.0 labels, `/miracle.xml`: `<label>` with `<age-declaration>`s, each with scope and age.

Read are `scope-url` and `age` of each declaration. `scope-api` names a service that would have to
be asked for each page: it is not asked. A `Signature` is not checked: a label that can only raise
the age needs none.
"""

from filterd.http.labels.base import Label, cleaned, stricter
from filterd.http.labels.scope import read_scope
from filterd.http.labels.site import MOST_PARTS, NotALabel, Part, SiteLabel
from filterd.http.labels.xmltree import Element, read_xml
from filterd.model.group import ADULT

SCHEME = "miracle"


def read(data: bytes) -> SiteLabel:
    """Return what the file says.

    Raises:
        NotALabel: it is no MIRACLE label, or there is no age in it.
    """
    root = read_xml(data)
    if root.name != "label":
        raise NotALabel(f"the root element is {root.name[:40]!r}, not label")
    default: Label | None = None
    parts: list[Part] = []
    for declaration in root.all("age-declaration"):
        label = _age_of(declaration)
        if label is None:
            continue
        texts = [each.text for scope in declaration.all("scope") for each in _urls(scope)]
        if not texts:
            default = stricter((default, label))
        scopes = [read_scope(text) for text in texts]
        parts += [Part(scope, label) for scope in scopes if scope is not None]
    if default is None and not parts:
        raise NotALabel("no age-declaration in it has an age for an address that can be read")
    return SiteLabel(default, tuple(parts[:MOST_PARTS]))


def _urls(scope: Element) -> list[Element]:
    lists = [scope, *scope.all("scope-urls")]
    return [each for holder in lists for each in holder.all("scope-url")]


def _age_of(declaration: Element) -> Label | None:
    ages = [each for rating in declaration.all("rating") for each in rating.all("age", "age-min")]
    texts = [each.text.strip() for each in ages]
    years = [int(text) for text in texts if text.isascii() and text.isdigit() and len(text) <= 2]
    if not years:
        return None
    return Label(min(max(years), ADULT), SCHEME, cleaned(f"age {max(years)}"))
