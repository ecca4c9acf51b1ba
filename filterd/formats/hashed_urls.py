"""Lists of hashed URLs as files: a head, and a line for each entry. Read whole or not at all.

A list that only orders can rest on must not lose lines silently, so one bad line, or one line less
than the head says, refuses it. What such a list hides and what not: `docs/hashed-urls.md`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from filterd.model.errors import RulesError

FORMAT = "hashed-urls"
FIRST = b"# filterd hashed-urls 1"
NARROWEST, WIDEST, USUAL = 8, 32, 12  # bytes of an entry
SALT = (16, 64)  # bytes of a salt: at least, at most
MOST = 1 << 26  # entries
LOOKUPS = 30  # expressions of one URL, at most
RARE = 1e-12  # a URL may be taken for another more seldom than this
_KEY = re.compile(rb"#[ \t]*(salt|bytes|epoch|entries):[ \t]*(\S+)[ \t]*")


@dataclass(frozen=True, slots=True)
class HashedList:
    """A list as its file has it: `entries` one after the other, each of `width` bytes."""

    salt: bytes
    width: int
    epoch: int  # counts up from version to version
    entries: bytes

    def __len__(self) -> int:
        return len(self.entries) // self.width


def read_hashed(data: bytes) -> HashedList:
    """Read a list.

    Raises:
        RulesError: with the line, and what to do.
    """
    lines = data.replace(b"\r\n", b"\n").split(b"\n")
    if lines[0].strip() != FIRST:
        raise RulesError(f"line 1: not {FIRST.decode()!r}; is this a list of hashed URLs?")
    head, start = _head(lines)
    salt = _salt(head)
    width = _number(head, "bytes", NARROWEST, WIDEST)
    epoch = _number(head, "epoch", 0, 2**63 - 1)
    count = _number(head, "entries", 0, MOST)
    body = [line for line in lines[start:] if line and not line.startswith(b"#")]
    if len(body) != count:
        raise RulesError(
            f"{len(body)} entries where the head says {count}: cut off or changed on its way; "
            "fetch it again"
        )
    if set(map(len, body)) - {2 * width}:
        _blame(lines, start, width)
    try:
        entries = bytes.fromhex(b"".join(body).decode("ascii"))
    except ValueError:
        entries = b""
    if len(entries) != width * count:  # blanks are not digits, though fromhex takes them
        _blame(lines, start, width)
    check_rare(count, width)
    return HashedList(salt, width, epoch, entries)


def write_hashed(made: HashedList) -> Iterator[str]:
    """Return the lines of a list's file, which `read_hashed` reads."""
    yield FIRST.decode()
    yield f"# salt: {made.salt.hex()}"
    yield f"# bytes: {made.width}"
    yield f"# epoch: {made.epoch}"
    yield f"# entries: {len(made)}"
    for start in range(0, len(made.entries), made.width):
        yield made.entries[start : start + made.width].hex()


def check_rare(entries: int, width: int) -> None:
    """Raise RulesError where a URL would be taken for a listed one too often."""
    if LOOKUPS * entries / 256.0**width > RARE:
        raise RulesError(
            f"{entries} entries of {width} bytes: of a million million pages that are not meant, "
            f"more than one would be blocked; make entries of {width + 1} bytes or more"
        )


def width_needed(width: int) -> str:
    """Return why entries of `width` bytes are refused."""
    return (
        f"entries of {width} bytes, not {NARROWEST} to {WIDEST}: with fewer, pages that are not "
        f"meant would be blocked; {USUAL} are usual"
    )


def _head(lines: list[bytes]) -> tuple[dict[str, tuple[int, bytes]], int]:
    """Return the head by its words, with their lines, and where the entries begin."""
    head: dict[str, tuple[int, bytes]] = {}
    for at, line in enumerate(lines):
        if line and not line.startswith(b"#"):
            return head, at
        found = _KEY.fullmatch(line)
        if found is not None:
            word = found[1].decode()
            if word in head:
                raise RulesError(f"line {at + 1}: {word} is there twice; make the list again")
            head[word] = (at + 1, found[2])
    return head, len(lines)


def _salt(head: dict[str, tuple[int, bytes]]) -> bytes:
    line, text = _said(head, "salt")
    try:
        salt = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        raise RulesError(f"line {line}: the salt is not hexadecimal; make the list again") from None
    if not SALT[0] <= len(salt) <= SALT[1]:
        raise RulesError(
            f"line {line}: a salt has {SALT[0]} to {SALT[1]} bytes, not {len(salt)}; make the list "
            "again with a new one"
        )
    return salt


def _number(head: dict[str, tuple[int, bytes]], word: str, least: int, most: int) -> int:
    line, text = _said(head, word)
    number = int(text) if text.isdigit() and len(text) < 20 else -1
    if word == "bytes" and not least <= number <= most and number >= 0:
        raise RulesError(f"line {line}: {width_needed(number)}")
    if not least <= number <= most:
        raise RulesError(f"line {line}: {word} is a number from {least} to {most}")
    return number


def _said(head: dict[str, tuple[int, bytes]], word: str) -> tuple[int, bytes]:
    if word not in head:
        raise RulesError(f"no line `# {word}: …` before the entries; make the list again")
    return head[word]


def _blame(lines: list[bytes], start: int, width: int) -> NoReturn:
    """Raise RulesError for the first line that is no entry."""
    digits = re.compile(rb"[0-9A-Fa-f]{%d}" % (2 * width))
    for at, line in enumerate(lines[start:], start + 1):
        if line and not line.startswith(b"#") and not digits.fullmatch(line):
            raise RulesError(
                f"line {at}: not {2 * width} hexadecimal digits; fetch or make the list again"
            )
    raise RulesError("entries that do not read; fetch or make the list again")
