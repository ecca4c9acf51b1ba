r"""Which addresses a label in a file is for: hosts and paths with wildcards.

Label files are written with wildcards (`*.example.org/film/*`) or simple regular expressions
(`^https?://www\.example\.org/film/.*$`). Both are read into pieces of fixed length between
wildcards, which match in linear time. What needs more than characters, `.`, `.*`, `.+`, `^`, `$`
is refused, and the file's default age holds there.
"""

import re
from dataclasses import dataclass

MOST_TEXT = 256
MOST_PIECES = 16
MOST_ADDRESS = 2048  # characters of an address that are looked at

_WILD, _ANY = "wild", "any"  # items that are longer than a character
_SCHEME = re.compile(r"\^?(?:https?\??|\(https\?\)|\*)?:(?://|\\/\\/)|\^")


@dataclass(frozen=True, slots=True)
class Scope:
    """An address pattern; make it with `read_scope`."""

    text: str  # as the file has it
    pieces: tuple[tuple[re.Pattern[str], int], ...]  # with the length of what each matches
    open_start: bool
    open_end: bool
    has_host: bool
    has_path: bool

    def covers(self, host: str, path: str) -> bool:
        """Say whether it matches `host` (normalised) and `path` (with its query)."""
        address = f".{host}" if self.has_host else ""
        address = (address + path if self.has_path else address).lower()[:MOST_ADDRESS]
        at = 0
        for index, (piece, length) in enumerate(self.pieces):
            anchored = index == 0 and not self.open_start
            if index == len(self.pieces) - 1 and not self.open_end:
                end = len(address) - length  # the last piece stands at the end
                if end < at or (anchored and end > at):
                    return False
                at, anchored = end, True
            found = piece.match(address, at) if anchored else piece.search(address, at)
            if found is None:
                return False
            at = found.end()
        return True  # no pieces: "*", every address


def read_scope(text: str) -> Scope | None:
    """Return the scope that `text` means; None for what is refused.

    Without a path it is for every path; what begins with "/" is a path on any host; a path without
    `$` at its end is for all that begins with it; `*.example.org` is for `example.org` too.
    """
    text = text.strip()
    if not text or len(text) > MOST_TEXT or not text.isascii():
        return None
    low = text.lower()
    scheme = _SCHEME.match(low)
    body = low[scheme.end() :] if scheme else low
    if low[:1] == "^" or low[-1] == "$" or "\\" in low or ".*" in low or ".+" in low:
        items = _regex(body, searched=scheme is None)
    else:
        items = [_WILD if char == "*" else char for char in body]
        if "/" in items:
            items.append(_WILD)
    return None if not items else _scope(text, items)


def _scope(text: str, items: list[str]) -> Scope | None:
    has_host = items[0] != "/"
    if has_host and items[0] != _WILD:
        items.insert(0, ".")  # addresses are compared with a dot before them
    pieces: list[list[str]] = [[]]
    for item in items:
        if item == _WILD:
            pieces.append([])
        else:
            pieces[-1].append(item)
    compiled = tuple((_compiled(piece), len(piece)) for piece in pieces if piece)
    if len(compiled) > MOST_PIECES:
        return None
    return Scope(text, compiled, items[0] == _WILD, items[-1] == _WILD, has_host, "/" in items)


def _compiled(piece: list[str]) -> re.Pattern[str]:
    return re.compile(
        "".join("." if item == _ANY else re.escape(item) for item in piece), re.DOTALL
    )


def _regex(text: str, *, searched: bool) -> list[str] | None:
    """Return the items of an expression of the safe subset, None for any other."""
    items: list[str] = [_WILD] if searched else []
    at = 0
    while at < len(text):
        char = text[at]
        if char == "\\" and at + 1 < len(text) and not text[at + 1].isalnum():
            items.append(text[at + 1])
            at += 2
        elif char == "." and text[at + 1 : at + 2] in ("*", "+"):
            items.append(_WILD)
            at += 2
        elif char == "$" and at == len(text) - 1:
            return items
        elif char in "\\*+?()[]{}|^$":
            return None
        else:
            items.append(_ANY if char == "." else char)
            at += 1
    return [*items, _WILD]
