"""XML of label files into a small tree: bounded, without DTD, entities or anything fetched.

A document type declaration is refused before it can declare anything, so no entity exists that
could grow (CWE-776) or be fetched (CWE-611). Size, depth and number of elements have bounds.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from filterd.http.labels.site import MOST_FILE, NotALabel

MOST_DEPTH = 16
MOST_ELEMENTS = 2048
_ENCODINGS = frozenset({"", "utf-8", "us-ascii", "iso-8859-1", "utf-16"})  # expat's own


@dataclass(slots=True)
class Element:
    """An element: local name in lower case, own text without the children's, children."""

    name: str
    kind: str = ""  # its attribute `class`
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def all(self, *names: str) -> Iterator["Element"]:
        """Yield the children with one of these names."""
        return (child for child in self.children if child.name in names)

    def first(self, *path: str) -> "Element | None":
        """Return the first element at `path` of names below this one."""
        if not path:
            return self
        for child in self.all(path[0]):
            found = child.first(*path[1:])
            if found is not None:
                return found
        return None

    def says(self, *path: str) -> str:
        """Return the text of the element at `path`, "" where there is none."""
        found = self.first(*path)
        return "" if found is None else found.text.strip()


def read_xml(data: bytes) -> Element:
    """Return the root element.

    Raises:
        NotALabel: no well-formed XML, or beyond one of the bounds.
    """
    if len(data) > MOST_FILE:
        raise NotALabel(f"larger than {MOST_FILE} bytes")
    return _Builder().read(data)


class _Builder:
    def __init__(self) -> None:
        self._open: list[Element] = [Element("")]
        self._count = 0
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.XmlDeclHandler = self._declaration
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.EntityDeclHandler = self._doctype
        self._parser.ExternalEntityRefHandler = self._doctype

    def read(self, data: bytes) -> Element:
        try:
            self._parser.Parse(data, True)
        except expat.ExpatError as error:
            raise NotALabel(f"no well-formed XML: {error}") from error
        return self._open[0].children[0]

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) > MOST_DEPTH or self._count > MOST_ELEMENTS:
            raise NotALabel(f"more than {MOST_DEPTH} levels or {MOST_ELEMENTS} elements")
        local = name.rpartition(":")[2].lower()
        element = Element(local, attributes.get("class", ""))
        self._open[-1].children.append(element)
        self._open.append(element)

    def _end(self, _name: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        self._open[-1].text += text

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if (encoding or "").lower() not in _ENCODINGS:
            raise NotALabel("its encoding is none of UTF-8, UTF-16, ISO-8859-1, US-ASCII")

    def _doctype(self, *_args: object) -> int:
        raise NotALabel("it has a document type declaration or entities, which are not read")
