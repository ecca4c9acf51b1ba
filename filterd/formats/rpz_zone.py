"""Master files read line by line: text in, records out (RFC 1035 section 5.1).

Handles comments, parentheses over several lines, quoted strings, escapes, `$ORIGIN`, `$TTL`, a
blank owner (the last one again), and TTL and class in any order or left out. It knows no zone
semantics. `$INCLUDE` and `$GENERATE` are refused: a list is one file and says what it contains.
"""

import re
from dataclasses import dataclass, field

from filterd.formats.refusals import Code, Refused

_TOKEN = re.compile(r'\s*(?:(;.*)|"((?:[^"\\]|\\.)*)"|([()])|((?:[^\s;()"\\]|\\.)+))')
_TTL = re.compile(r"(?:[0-9]+[smhdw]?)+", re.IGNORECASE)
_CLASSES = frozenset({"IN", "CH", "HS", "CS", "ANY", "NONE"})
_LONGEST = 65_536  # characters of one record over all its lines


@dataclass(frozen=True, slots=True)
class ZoneRecord:
    """One record as written. `owner` and names in `fields` may be relative to `origin`."""

    line: int  # where it starts
    text: str  # that line
    origin: str | None
    owner: str
    rtype: str  # upper case
    fields: tuple[str, ...]


@dataclass(slots=True)
class ZoneReader:
    """Keeps what one line of a master file hands on to the next. `origin` None: not known."""

    origin: str | None = None
    _owner: str | None = None
    _depth: int = 0
    _tokens: list[str] = field(default_factory=list)
    _size: int = 0
    _blank: bool = False
    _line: int = 0
    _text: str = ""

    def feed(self, line: int, text: str) -> ZoneRecord | None:
        """Return the record that ends on this line, if one does.

        Raises:
            Refused: the line, or the record it ends, is not written as RFC 1035 wants.
        """
        if not self._depth:
            self._tokens, self._size = [], 0
            self._line, self._text = line, text
            self._blank = text[:1] in {" ", "\t"}
        self._size += len(text)
        if self._size > _LONGEST:
            self._depth = 0
            raise Refused(Code.TOO_LONG, "a record of more than 65,536 characters")
        self._tokenise(text)
        if self._depth or not self._tokens:
            return None
        return self._record()

    def finish(self) -> None:
        """Raise Refused if a parenthesis is still open."""
        if self._depth:
            raise Refused(Code.BAD_SYNTAX, f"the parenthesis of line {self._line} is never closed")

    @property
    def place(self) -> tuple[int, str]:
        """Number and text of the line on which the present record starts."""
        return self._line, self._text

    def _tokenise(self, text: str) -> None:
        position = 0
        text = text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                self._depth = 0
                raise Refused(Code.BAD_SYNTAX, "a quote is never closed")
            position = match.end()
            comment, quoted, parenthesis, word = match.groups()
            if comment is not None:
                return
            if parenthesis is None:
                self._tokens.append(_unescape(quoted) if quoted is not None else word)
            elif parenthesis == "(":
                self._depth += 1
            elif self._depth:
                self._depth -= 1
            else:
                raise Refused(Code.BAD_SYNTAX, "a closing parenthesis without an opening one")

    def _record(self) -> ZoneRecord | None:
        tokens = self._tokens
        if not self._blank and tokens[0].startswith("$"):
            self._directive(tokens)
            return None
        if not self._blank:
            self._owner = tokens[0]
            tokens = tokens[1:]
        if self._owner is None:
            raise Refused(Code.BAD_SYNTAX, "the first record has no owner name")
        while tokens and (_TTL.fullmatch(tokens[0]) or tokens[0].upper() in _CLASSES):
            token, *tokens = tokens
            if token.upper() != "IN" and not _TTL.fullmatch(token):
                raise Refused(Code.BAD_RECORD, f"class {token.upper()} is not IN")
        if not tokens:
            raise Refused(Code.BAD_SYNTAX, "expected owner, type and data")
        rtype, fields = tokens[0].upper(), tuple(tokens[1:])
        return ZoneRecord(self._line, self._text, self.origin, self._owner, rtype, fields)

    def _directive(self, tokens: list[str]) -> None:
        name = tokens[0].upper()
        if name == "$TTL":
            return
        if name != "$ORIGIN" or len(tokens) != 2:
            raise Refused(Code.BAD_SYNTAX, f"{tokens[0][:20]} is not supported in a list")
        self.origin = absolute(tokens[1], self.origin).lower()


def absolute(name: str, origin: str | None) -> str:
    """Return `name` without trailing dot, completed by `origin` where it is relative.

    Without an origin a relative name stays as it is.
    """
    if name.endswith("."):
        return name[:-1]
    if name == "@":
        return origin or ""
    return f"{name}.{origin}" if origin else name


def _unescape(text: str) -> str:
    return re.sub(r"\\(?:([0-9]{3})|(.))", _character, text)


def _character(match: re.Match[str]) -> str:
    if match[1] is None:
        return match[2]
    return chr(int(match[1])) if int(match[1]) < 256 else match[0]
