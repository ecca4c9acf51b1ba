"""Checkpoints: what the log says of itself, signed (C2SP signed notes and tlog checkpoints).

    example.gov/filterd        who keeps the log
    42                         segments
    <base64>                   root of the tree over them
    time 1770000000            unix seconds
    state <hex>                what all acts come to; see `ledger.py`

    — example.gov/filterd <base64 of key hash and signature>

A line or signature that is not known is let be, as the format wants it; a checkpoint counts as soon
as the log's own key has signed it.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass

from filterd.feed.merkle import HASH
from filterd.feed.refusal import Fault, Refused

PATH = "checkpoint"  # in a feed
MOST = 8192  # bytes
ED25519 = b"\x01"  # the algorithm's number in a key hash
_DASH = "\u2014 "


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree of `size` segments at `time` (unix seconds), and the root of the rules it makes."""

    origin: str
    size: int
    root: bytes
    time: int
    state: bytes

    @property
    def text(self) -> str:
        """What is signed."""
        root = base64.b64encode(self.root).decode()
        lines = (
            self.origin,
            str(self.size),
            root,
            f"time {self.time}",
            f"state {self.state.hex()}",
        )
        return "".join(f"{line}\n" for line in lines)


def key_hash(name: str, public: bytes) -> bytes:
    """Return the four octets that tell a note's key (C2SP signed-note)."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public).digest()[:4]


def sign_note(text: str, name: str, public: bytes, signature: bytes) -> bytes:
    """Return the note of `text` with one Ed25519 signature."""
    word = base64.b64encode(key_hash(name, public) + signature).decode()
    return f"{text}\n{_DASH}{name} {word}\n".encode()


def split_note(note: bytes) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """Return a note's text and its signatures as (name, key hash, signature).

    Raises:
        Refused: TOO_LARGE or MALFORMED.
    """
    if len(note) > MOST:
        raise Refused(Fault.TOO_LARGE, f"checkpoint: longer than {MOST} bytes")
    try:
        text, cut, rest = note.decode().rpartition("\n\n")
    except UnicodeDecodeError as error:
        raise Refused(Fault.MALFORMED, "checkpoint: not UTF-8") from error
    if not cut or not rest.endswith("\n"):
        raise Refused(Fault.MALFORMED, "checkpoint: not a signed note")
    return text + "\n", [_signature(line) for line in rest.splitlines()]


def read_text(text: str) -> Checkpoint:
    """Read the text of a checkpoint whose signature holds.

    Raises:
        Refused: MALFORMED.
    """
    lines = text.splitlines()
    words = dict(line.split(" ", 1) for line in lines[3:] if " " in line)
    try:
        origin, size, root = lines[:3]
        found = Checkpoint(
            origin,
            _number(size),
            base64.b64decode(root, validate=True),
            _number(words["time"]),
            bytes.fromhex(words["state"]),
        )
    except (ValueError, KeyError, binascii.Error) as error:
        raise Refused(Fault.MALFORMED, f"checkpoint: does not read: {error}") from error
    if len(found.root) != HASH or len(found.state) != HASH:
        raise Refused(Fault.MALFORMED, "checkpoint: a hash of the wrong length")
    return found


def _signature(line: str) -> tuple[str, bytes, bytes]:
    try:
        dash, name, word = line.split(" ")
        raw = base64.b64decode(word, validate=True)
    except (ValueError, binascii.Error) as error:
        raise Refused(Fault.MALFORMED, "checkpoint: a signature does not read") from error
    if dash != _DASH.strip() or len(raw) < 5:
        raise Refused(Fault.MALFORMED, "checkpoint: a signature does not read")
    return name, raw[:4], raw[4:]


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 16 and text == str(int(text))):
        raise ValueError("not a number")
    return int(text)
