"""How something was asked for, as far as it decides the shape of the answer.

Sec-Fetch-* (Fetch Metadata) where a browser sends it, over HTTPS and loopback only; else Accept.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto


class Shape(Enum):
    """What is answered with."""

    PAGE = auto()  # a person looks at it
    FRAME = auto()  # a frame in somebody else's page: one line
    PROBLEM = auto()  # a program asks: RFC 9457
    BARE = auto()  # a script in a page asks: a problem that names no school
    IMAGE = auto()
    STYLE = auto()
    SCRIPT = auto()
    MEDIA = auto()
    NOTHING = auto()  # WebSocket, preflight, fonts and the rest


_BY_DEST = {
    "document": Shape.PAGE,
    "iframe": Shape.FRAME,
    "frame": Shape.FRAME,
    "embed": Shape.FRAME,
    "object": Shape.FRAME,
    "fencedframe": Shape.FRAME,
    "image": Shape.IMAGE,
    "style": Shape.STYLE,
    "script": Shape.SCRIPT,
    "worker": Shape.SCRIPT,
    "sharedworker": Shape.SCRIPT,
    "serviceworker": Shape.SCRIPT,
    "audio": Shape.MEDIA,
    "video": Shape.MEDIA,
    "track": Shape.MEDIA,
    "empty": Shape.BARE,
}
_BY_ACCEPT = (
    ("text/html", Shape.PAGE),
    ("application/xhtml+xml", Shape.PAGE),
    ("application/problem+json", Shape.PROBLEM),
    ("application/json", Shape.PROBLEM),
    ("image/", Shape.IMAGE),
    ("text/css", Shape.STYLE),
    ("text/javascript", Shape.SCRIPT),
    ("application/javascript", Shape.SCRIPT),
    ("audio/", Shape.MEDIA),
    ("video/", Shape.MEDIA),
)
_LONGEST = 1024  # characters of a header that are looked at


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, as far as the page needs it."""

    method: str = "GET"
    accept: str = ""
    language: str = ""
    dest: str = ""  # Sec-Fetch-Dest
    origin: str = ""
    upgrade: str = ""
    content_type: str = ""

    @classmethod
    def of(cls, method: str, headers: Mapping[str, str]) -> "Asked":
        """Return it from headers in lower case."""
        got = {key: headers.get(key, "")[:_LONGEST] for key in _HEADERS}
        return cls(
            method=method.upper(),
            accept=got["accept"].lower(),
            language=got["accept-language"],
            dest=got["sec-fetch-dest"].strip().lower(),
            origin=got["origin"].strip(),
            upgrade=got["upgrade"].strip().lower(),
            content_type=got["content-type"].partition(";")[0].strip().lower(),
        )

    @property
    def shape(self) -> Shape:
        """What to answer with."""
        if self.upgrade == "websocket" or self.dest == "websocket" or self.method == "OPTIONS":
            return Shape.NOTHING
        if self.dest:
            return _BY_DEST.get(self.dest, Shape.NOTHING)
        shape = next((shape for word, shape in _BY_ACCEPT if word in self.accept), None)
        if shape is not None and shape is not Shape.PROBLEM:
            return shape
        # Programs say no origin; a script of a page does where it could be read across sites.
        return Shape.BARE if self.origin else Shape.PROBLEM


_HEADERS = (
    "accept",
    "accept-language",
    "sec-fetch-dest",
    "origin",
    "upgrade",
    "content-type",
)
