"""Pushed news: a stream of server-sent events (WHATWG HTML, section 9.2), read sans-io.

    id: 43
    event: checkpoint
    data: {"checkpoint":"<note>","segments":["<base64 of a file>",…]}

    event: trust
    data: {"trust":"2.7"}

A stream says nothing that a look at the feed would not: what it brings is verified in the same way,
so whoever sends it need not be trusted, only bounded. The word in `trust` is only a hint to look at
the trust root, see `hint.py`; it has no id, so that the stream's stays the size of the log.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

from filterd.feed.canonical import fields, read_object
from filterd.feed.refusal import Fault, Refused

PATH = "events"  # in a feed
CHECKPOINT, TRUST = "checkpoint", "trust"  # the kinds of events that are read; others are let be
MOST_LINE = 256 * 1024  # bytes; 64 KiB of segments and a checkpoint are under 100 KiB as they come
MOST_EVENT = MOST_LINE  # bytes of all its lines
MOST_PUSHED = 64  # segments in one event
MOST_HINT = 64  # characters
_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Event:
    """What came between two empty lines. `id` is the newest that the stream has given."""

    kind: str
    data: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class Pushed:
    """A checkpoint as it is signed, and the files of the newest segments that it names."""

    note: bytes
    files: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Hinted:
    """A word that is another when the trust root is."""

    trust: str


class EventReader:
    """Events out of bytes that come in pieces of any size."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._seen = 0  # of `_rest`: no end of a line is in there
        self._begun = False
        self._kind, self._id = "", ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, piece: bytes) -> list[Event]:
        """Return the events that `piece` completes.

        Raises:
            Refused: TOO_LARGE, MALFORMED. The stream is of no use from then on.
        """
        self._rest += piece
        found = [event for line in self._lines() if (event := self._line(line)) is not None]
        if len(self._rest) > MOST_LINE:
            raise Refused(Fault.TOO_LARGE, f"events: a line of more than {MOST_LINE} bytes")
        return found

    def _lines(self) -> Iterator[bytes]:
        """Yield lines that are whole: LF, CR LF and CR end one."""
        rest = self._rest
        if not self._begun:
            if len(rest) < len(_BOM) and _BOM.startswith(rest):
                return
            self._begun = True
            if rest.startswith(_BOM):
                del rest[: len(_BOM)]
        whole, start, seen = bytes(rest), 0, len(rest)
        for end in _END.finditer(whole, self._seen):
            # What follows a CR decides whether it is one end or two: wait for it.
            if end.group() == b"\r" and end.end() == len(whole):
                seen = end.start()
                break
            yield whole[start : end.start()]
            start = end.end()
        del rest[:start]
        self._seen = seen - start

    def _line(self, line: bytes) -> Event | None:
        if not line:
            return self._ended()
        self._size += len(line)
        if self._size > MOST_EVENT:
            raise Refused(Fault.TOO_LARGE, f"events: one of more than {MOST_EVENT} bytes")
        try:
            name, _, value = line.decode().partition(":")
        except UnicodeDecodeError as error:
            raise Refused(Fault.MALFORMED, "events: not UTF-8") from error
        value = value.removeprefix(" ")
        if name == "event":
            self._kind = value
        elif name == "data":
            self._data.append(value)
        elif name == "id" and "\0" not in value:
            self._id = value
        return None  # a comment, or a field that is not known

    def _ended(self) -> Event | None:
        kind, data = self._kind or "message", "\n".join(self._data)
        known = bool(self._data)
        self._kind, self._size = "", 0
        self._data.clear()
        return Event(kind, data, self._id) if known else None


def read_pushed(event: Event) -> Pushed | Hinted | None:
    """Return what an event brings; None: it is of another kind.

    Raises:
        Refused: TOO_LARGE or MALFORMED.
    """
    if event.kind not in {CHECKPOINT, TRUST}:
        return None
    value = read_object(event.data.encode(), MOST_EVENT)
    if event.kind == TRUST:
        (hint,) = fields(value, {"trust": str}, "event").values()
        if len(hint) > MOST_HINT:
            raise Refused(Fault.TOO_LARGE, f"event: a hint of more than {MOST_HINT} characters")
        return Hinted(hint)
    parts = fields(value, {"checkpoint": str, "segments": list}, "event")
    if len(parts["segments"]) > MOST_PUSHED:
        raise Refused(Fault.TOO_LARGE, f"event: more than {MOST_PUSHED} segments")
    return Pushed(parts["checkpoint"].encode(), tuple(map(_file, parts["segments"])))


def _file(text: object) -> bytes:
    try:
        return base64.b64decode(text if isinstance(text, str) else "?", validate=True)
    except (ValueError, binascii.Error) as error:
        raise Refused(Fault.MALFORMED, "event: a segment that is not base64") from error
