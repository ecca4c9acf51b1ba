"""Text into HTML: everything is cleaned and escaped unless this module made it.

A page holds names, rule texts and numbers that others wrote. `clean` takes from them what could
turn a line around, hide, or break a header; `element` escapes every child that is not `Markup`.
"""

import html
import re
import unicodedata

VOID = frozenset({"meta", "input", "br", "path", "circle", "ellipse", "rect"})
LONGEST = 160  # characters of a text from outside
_MARKS = 2  # combining marks on one letter; Vietnamese in NFC needs none
# Letters without marks of their own, signs and spaces: what nearly every text here is made of.
_PLAIN = re.compile(r"[ -~\u00a1-\u00ac\u00ae-\u02ff\u1e00-\u1eff\u2010-\u2027]*")
_GONE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})  # controls, direction marks, surrogates, unknown


class Markup(str):
    """HTML made here. Joining it with other text gives plain text, which is escaped again."""

    __slots__ = ()


def clean(text: str, longest: int = LONGEST) -> str:
    """Return `text` on one line in NFC, without controls and direction marks, cut at `longest`."""
    line = " ".join(_visible(text[: 4 * longest]).split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def _visible(text: str) -> str:
    if _PLAIN.fullmatch(text) and unicodedata.is_normalized("NFC", text):
        return text
    kept: list[str] = []
    marks = 0
    for each in unicodedata.normalize("NFC", text):
        category = unicodedata.category(each)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks > _MARKS or (category in _GONE and each not in "\t\r\n"):
            continue
        kept.append(" " if each.isspace() else each)
    return unicodedata.normalize("NFC", "".join(kept))


def escape(text: str) -> Markup:
    """Return `text` as HTML, for content and for quoted attributes."""
    return text if isinstance(text, Markup) else Markup(html.escape(clean(text, 600), quote=True))


def element(tag: str, *children: str, **attributes: str | bool | None) -> Markup:
    """Return an element. `class_` is `class`, `_` in a name is `-`; None and False leave it out."""
    parts = [tag]
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        spelled = name.rstrip("_").replace("_", "-")
        parts.append(spelled if value is True else f'{spelled}="{_attribute(value)}"')
    start = f"<{' '.join(parts)}>"
    if tag in VOID:
        # SVG is XML in spirit: its empty elements are closed, those of HTML are not.
        return Markup(start if tag in {"meta", "input", "br"} else f"{start[:-1]}/>")
    return Markup(f"{start}{join(*children)}</{tag}>")


def join(*children: str) -> Markup:
    """Return the children one after another, escaped where they are not ours."""
    return Markup("".join(map(escape, children)))


def _attribute(value: str) -> str:
    return html.escape(clean(value, 4000), quote=True)
