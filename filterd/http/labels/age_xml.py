"""age.xml and age-de.xml in the root of a host: ages by address, and a default (age-label.com).

`<labeltype-xmlfile>` holds labels with `<age>` and `<scope>`s; a label without a scope is for the
whole host. `<httpheader>` or `<htmlmeta>` true means that pages carry their own (`age_meta.py`);
the default age is then for pages that do not. Where a scope is one that is not read, the default
age holds at its addresses as everywhere.
"""

from filterd.http.labels.base import Label, cleaned, stricter
from filterd.http.labels.scope import Scope, read_scope
from filterd.http.labels.site import MOST_PARTS, NotALabel, Part, SiteLabel
from filterd.http.labels.xmltree import Element, read_xml
from filterd.model.group import ADULT

SCHEME = "age-xml"
_DEFINITION = "ageblock-labeltype-definition"
_TYPES = "ageblock-labeltype"
_XMLFILE = ("labeltype-xmlfile", "labeltype-xmlfile-definition")


def read(data: bytes) -> SiteLabel:
    """Return what the file says.

    Raises:
        NotALabel: it is no age declaration, or there is no age in it.
    """
    root = read_xml(data)
    if root.name != "age-declaration":
        raise NotALabel(f"the root element is {root.name[:40]!r}, not age-declaration")
    default = _label(root.says(_TYPES, "default-age"))
    parts: list[Part] = []
    for definition in root.all(_DEFINITION):
        for kind in definition.all(*_XMLFILE):
            for element in kind.all("label"):
                label = _age_of(element)
                scopes = [read_scope(each.text) for each in element.all("scope")]
                if not scopes and element.kind != "default":
                    default = stricter((default, label))
                parts += _parts(scopes, label)
    if default is None and not parts:
        raise NotALabel("it has neither a default-age nor a label with age and scope")
    pages_say = any(
        root.says(_TYPES, each).lower() == "true" for each in ("httpheader", "htmlmeta")
    )
    return SiteLabel(default, tuple(parts[:MOST_PARTS]), pages_say)


def _parts(scopes: list[Scope | None], label: Label | None) -> list[Part]:
    return [] if label is None else [Part(scope, label) for scope in scopes if scope is not None]


def _age_of(element: Element) -> Label | None:
    """`age` is the label; `min-age` bounds it from below and stands alone in some files."""
    return stricter((_label(element.says("age")), _label(element.says("min-age"))))


def _label(text: str) -> Label | None:
    if not (text.isascii() and text.isdigit() and len(text) <= 2):
        return None
    return Label(min(int(text), ADULT), SCHEME, cleaned(f"age {text}"))
