"""Start and end tags of HTML, from text in pieces of any size (HTML Standard, section 13.2.5).

Every state takes all the text there is and keeps nothing of it but the attribute it is in, so the
cost is linear and the memory small whatever comes, and the tags do not depend on how the text was
cut. A start tag that is whole in one piece, as nearly all are, is taken by one regular expression
without backtracking instead of state by state. Comments, doctypes and what stands inside script,
style, title and their like are stepped over.
"""

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

MOST_VALUE = 512  # characters of a name or value that are kept
MOST_ATTRIBUTES = 32
WITH_ATTRIBUTES = frozenset({"meta"})  # of other elements they are stepped over
# Elements whose content is text to a browser that runs scripts, or (template) not part of the page.
RAW = ("script", "style", "title", "noscript", "noframes", "template", "textarea", "xmp", "iframe")

_S = "[\\t\\n\\f\\r ]"
_NAME_END = re.compile(r"[\t\n\f\r />]")
_ATTRIBUTE_END = re.compile(r"[\t\n\f\r />=]")
_VALUE_END = re.compile(r"[\t\n\f\r >]")
_NOT_SPACE = re.compile(r"[^\t\n\f\r ]")
_NOT_SPACE_OR_SLASH = re.compile(r"[^\t\n\f\r /]")
_COMMENT_END = re.compile("--!?>")
# An attribute as the states below read it; where a value is cut off, none at all.
_ATTRIBUTE = (
    r"[\t\n\f\r /]*+([^\t\n\f\r />][^\t\n\f\r />=]*+)"
    rf"(?:{_S}*+={_S}*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\t\n\f\r >\"'][^\t\n\f\r >]*+)|(?=>))"
    rf"|(?!{_S}*+=))"
)
_ATTRIBUTES = re.compile(_ATTRIBUTE)
_UNNAMED = re.sub(r"[(](?![?])", "(?:", _ATTRIBUTE)
_WHOLE = re.compile(rf"([A-Za-z][^\t\n\f\r />]*+)((?:{_UNNAMED})*+)([\t\n\f\r /]*+)>")
_RAW_END = {
    name: re.compile(rf"</{name}(?=[\t\n\f\r />])", re.IGNORECASE | re.ASCII) for name in RAW
}


@dataclass(slots=True)
class Tag:
    """A tag; names in lower case, of attributes given twice the first."""

    name: str
    closing: bool = False
    attributes: dict[str, str] = field(default_factory=dict)


class Tags:
    """Reads tags. `xml`: `<title/>` is empty, as in XHTML."""

    def __init__(self, *, xml: bool = False) -> None:
        self._xml = xml
        self._text = ""
        self._at = 0
        self._state: Callable[[], Tag | None] = self._data
        self._kept: list[str] = []
        self._size = 0
        self._tail = ""  # of a comment or raw text: what may be the beginning of its end
        self._raw = ""
        self._tag = Tag("")
        self._attribute = ""
        self._quote = ""
        self._slash = False

    def feed(self, text: str) -> Iterator[Tag]:
        """Yield the tags that end in `text`, which goes on where the last one ended."""
        self._text, self._at = text, 0
        while self._at < len(self._text):
            tag = self._state()
            if tag is not None:
                yield tag

    def take_rest(self) -> str:
        """Return what is not read yet of the text, which will not be read."""
        rest = self._text[self._at :]
        self._text, self._at = "", 0
        return rest

    def _data(self) -> None:
        found = self._text.find("<", self._at)
        self._at = len(self._text) if found < 0 else found + 1
        if found >= 0:
            self._state = self._open

    def _open(self) -> Tag | None:
        char = self._text[self._at]
        if _is_letter(char):
            whole = _WHOLE.match(self._text, self._at)
            if whole is not None:
                return self._taken_whole(whole)
            self._tag = Tag("")
            self._state = self._name
        elif char in "!/":
            self._at += 1
            self._tail = ""
            self._state = self._markup if char == "!" else self._open_closing
        else:  # "<?" begins a comment that ends with ">"; "<3" is text
            self._state = self._bogus if char == "?" else self._data
        return None

    def _taken_whole(self, whole: re.Match[str]) -> Tag:
        self._at = whole.end()
        self._tag = Tag(whole[1][:MOST_VALUE].lower())
        self._slash = whole[3].endswith("/")
        if self._tag.name in WITH_ATTRIBUTES:
            for name, double, single, bare in _ATTRIBUTES.findall(whole[2]):
                self._attribute = name[:MOST_VALUE].lower()
                self._add((double or single or bare)[:MOST_VALUE])
        return self._finished()

    def _open_closing(self) -> None:
        self._tag = Tag("", closing=True)
        self._state = self._name if _is_letter(self._text[self._at]) else self._bogus

    def _markup(self) -> None:
        char = self._text[self._at]
        if char != "-":
            self._state = self._bogus
            return
        self._at += 1
        self._tail += "-"
        if self._tail == "--":  # so that <!--> is a whole comment, as browsers have it
            self._state = self._comment

    def _bogus(self) -> None:
        found = self._text.find(">", self._at)
        self._at = len(self._text) if found < 0 else found + 1
        if found >= 0:
            self._state = self._data

    def _comment(self) -> None:
        if self._past(_COMMENT_END, 3):
            self._state = self._data

    def _raw_text(self) -> None:
        if self._past(_RAW_END[self._raw], len(self._raw) + 2, ahead=1):
            self._tag = Tag(self._raw, closing=True)
            self._state = self._before_attribute

    def _name(self) -> None:
        if self._until(_NAME_END):
            self._tag.name = self._taken().lower()
            self._slash = False
            self._state = self._before_attribute

    def _before_attribute(self) -> Tag | None:
        found = _NOT_SPACE_OR_SLASH.search(self._text, self._at)
        end = len(self._text) if found is None else found.start()
        if end > self._at:
            self._slash = self._text[end - 1] == "/"
        self._at = end
        if found is None:
            return None
        if found[0] == ">":
            self._at += 1
            return self._finished()
        self._slash = False
        self._keep(found[0])  # a "=" here is part of the name
        self._at += 1
        self._state = self._attribute_name
        return None

    def _finished(self) -> Tag:
        tag, self._tag = self._tag, Tag("")
        self._state = self._data
        empty = self._xml and self._slash
        if tag.name in _RAW_END and not tag.closing and not empty:
            self._raw, self._tail = tag.name, ""
            self._state = self._raw_text
        return tag

    def _attribute_name(self) -> None:
        if self._until(_ATTRIBUTE_END):
            self._attribute = self._taken().lower()
            self._state = self._after_name

    def _after_name(self) -> None:
        found = _NOT_SPACE.search(self._text, self._at)
        self._at = len(self._text) if found is None else found.start()
        if found is None:
            return
        if found[0] == "=":
            self._at += 1
            self._state = self._before_value
        else:
            self._add("")

    def _before_value(self) -> None:
        found = _NOT_SPACE.search(self._text, self._at)
        self._at = len(self._text) if found is None else found.start()
        if found is None:
            return
        if found[0] in "\"'":
            self._at += 1
            self._quote = found[0]
            self._state = self._quoted
        elif found[0] == ">":
            self._add("")
        else:
            self._state = self._unquoted

    def _quoted(self) -> None:
        found = self._text.find(self._quote, self._at)
        end = len(self._text) if found < 0 else found
        self._keep(self._text[self._at : end])
        self._at = end
        if found >= 0:
            self._at += 1
            self._add(self._taken())

    def _unquoted(self) -> None:
        if self._until(_VALUE_END):
            self._add(self._taken())

    def _add(self, value: str) -> None:
        attributes = self._tag.attributes
        if self._tag.name in WITH_ATTRIBUTES and len(attributes) < MOST_ATTRIBUTES:
            attributes.setdefault(self._attribute, html.unescape(value))
        self._state = self._before_attribute

    def _until(self, stop: re.Pattern[str]) -> bool:
        """Keep the text before `stop`; whether it has come."""
        found = stop.search(self._text, self._at)
        end = len(self._text) if found is None else found.start()
        self._keep(self._text[self._at : end])
        self._at = end
        return found is not None

    def _past(self, stop: re.Pattern[str], width: int, *, ahead: int = 0) -> bool:
        """Step over the text and `stop`, whose `width` characters may be cut anywhere."""
        before = len(self._tail)
        near = self._tail + self._text[self._at : self._at + width + ahead]
        found = stop.search(near) if before else None
        end = self._at - before
        if not before or (found is None and len(self._text) - self._at > width + ahead):
            found, end = stop.search(self._text, self._at), 0
        if found is None:
            self._tail = (self._tail + self._text[self._at :][-width - ahead :])[-width - ahead :]
            self._at = len(self._text)
            return False
        self._at = end + found.end()
        self._tail = ""
        return True

    def _keep(self, text: str) -> None:
        room = MOST_VALUE - self._size
        if text and room > 0:
            self._kept.append(text[:room])
            self._size += min(len(text), room)

    def _taken(self) -> str:
        text = "".join(self._kept)
        self._kept, self._size = [], 0
        return text


def _is_letter(char: str) -> bool:
    return char.isascii() and char.isalpha()
