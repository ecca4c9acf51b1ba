"""The label in the head of an HTML page, read while the page goes by.

At most the first 64 KiB are looked at, and nothing from `</head>` on: what stands in the body may
have been written by visitors. It takes the body after its Content-Encoding was undone
(`unpacking.py`).
"""

import codecs
import re
from typing import Protocol

from filterd.http.labels.base import Label, stricter
from filterd.http.labels.statements import read_meta
from filterd.http.labels.tags import Tag, Tags

MOST_BYTES = 65_536
# Any other start tag begins the body, said or not (HTML Standard, section 13.2.6.4.4).
IN_HEAD = frozenset(
    {"html", "head", "base", "basefont", "bgsound", "link", "meta", "title", "noscript", "noframes",
     "style", "script", "template"}
)  # fmt: skip
_ENDS = frozenset({"head", "body", "html", "br"})
_XHTML = "application/xhtml+xml"
_CHARSET = re.compile(r"charset ?= ?[\"']?([a-z0-9_:.-]{1,40})")
# The encodings of the Encoding Standard in which "<" is not always the byte 3C, or is not alone.
# In all others tags are ASCII bytes, and so they are read byte by byte.
_CODECS = {
    "utf-16": "utf-16-le", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be",
    "unicode": "utf-16-le", "ucs-2": "utf-16-le", "csunicode": "utf-16-le",
    "iso-2022-jp": "iso2022_jp", "csiso2022jp": "iso2022_jp",
}  # fmt: skip
_MARKS = ((b"\xef\xbb\xbf", ""), (b"\xfe\xff", "utf-16-be"), (b"\xff\xfe", "utf-16-le"))


class _Decoder(Protocol):
    def decode(self, data: bytes) -> str: ...


def is_page(content_type: str) -> bool:
    """Say whether a response of this Content-Type may have a head; one without a type may."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind in ("", "text/html", _XHTML)


class Head:
    """Reads one page. `content_type` is the response's; `done`: no more bytes are needed."""

    def __init__(self, content_type: str = "") -> None:
        low = content_type[:512].lower()
        named = _CHARSET.search(low)
        self._charset = named[1] if named else ""
        self._tags = Tags(xml=low.startswith(_XHTML))
        self._start: bytes | None = b""  # what came before the first three bytes were there
        self._left = MOST_BYTES
        self._decoder: _Decoder | None = None  # None: bytes as they are
        self.label: Label | None = None
        self.done = False

    def feed(self, data: bytes) -> Label | None:
        """Take the next bytes; return the strictest label so far."""
        if self.done:
            return self.label
        data = data[: self._left]
        self._left -= len(data)
        self._read(self._decoded(data))
        if self._left == 0:
            self.done = True
        return self.label

    def _decoded(self, data: bytes) -> str:
        if self._start is not None:
            data = self._start + data
            self._start = data
            if len(data) < len(_MARKS[0][0]):
                return ""
            self._start = None
            mark, codec = next(
                (pair for pair in _MARKS if data.startswith(pair[0])),
                (b"", _CODECS.get(self._charset, "")),
            )
            data = data[len(mark) :]
            self._charset = self._charset or ("marked" if mark else "")
            self._decoder = _decoder(codec)
        return data.decode("latin-1") if self._decoder is None else self._decoder.decode(data)

    def _read(self, text: str) -> None:
        for tag in self._tags.feed(text):
            if tag.closing:
                self.done = tag.name in _ENDS
            else:
                self.done = tag.name not in IN_HEAD
            if self.done:
                return
            if tag.name == "meta" and not tag.closing and self._meta(tag):
                rest = self._tags.take_rest().encode("latin-1")
                self._read(self._decoded(rest))
                return

    def _meta(self, tag: Tag) -> bool:
        """Take a `<meta>`; whether it has changed the encoding of what follows."""
        values = {name: self._value(value) for name, value in tag.attributes.items()}
        content = values.get("content", "")
        for name in ("name", "http-equiv"):
            if name in values:
                self.label = stricter((self.label, read_meta(values[name], content)))
        if self._charset or self._decoder is not None:
            return False
        declared = values.get("charset", "").strip().lower()
        if values.get("http-equiv", "").strip().lower() == "content-type":
            found = _CHARSET.search(content.lower())
            declared = declared or (found[1] if found else "")
        self._charset = declared
        if _CODECS.get(declared) != "iso2022_jp":  # UTF-16 said in ASCII is UTF-8
            return False
        self._decoder = _decoder("iso2022_jp")
        return True

    def _value(self, text: str) -> str:
        if self._decoder is not None:
            return text
        # Bytes, which are nearly always UTF-8; characters beyond them come from entities.
        return text.encode("latin-1", "replace").decode("utf-8", "replace")


def _decoder(codec: str) -> _Decoder | None:
    return codecs.getincrementaldecoder(codec)(errors="replace") if codec else None
