r"""One regular expression a line, as Pi-hole keeps them: `(\.|^)ads\.example$`, in any case.

Pi-hole's extensions stand behind `;`: `querytype=A,AAAA` or `querytype=!A`, and `reply=` with
NODATA, NXDOMAIN, REFUSED, NONE (no answer) or an address. `invert` is refused: it would block
nearly everything.
"""

import re
from collections.abc import Sequence

from filterd.formats.addresses import address_rewrite, read_address
from filterd.formats.base import Options, Shape
from filterd.formats.lines import LineReader, share
from filterd.formats.names import regex_pattern
from filterd.formats.refusals import Code, Refused
from filterd.formats.rrtypes import type_number
from filterd.model.rule import NO_CONDITION, Action, Condition, Rewrite, Rule

_EXTENSION = re.compile(r";(?=(?:querytype|reply)=|invert\b)")
_LIKE = re.compile(r"\^|.*(?:\\\.|\$$|\(\?|\.\*|\[|\(\^|\|)")
_REPLIES: dict[str, tuple[Action, Rewrite | None]] = {
    "NODATA": (Action.NODATA, None),
    "NXDOMAIN": (Action.NXDOMAIN, None),
    "NONE": (Action.DROP, None),
    "REFUSED": (Action.REWRITE, Rewrite(rcode=5)),
}


class Regex:
    """The regex format."""

    name = "regex"
    title = "one regular expression a line (Pi-hole)"
    comments: tuple[bytes, ...] = (b"#",)

    def shapes(self, data: bytes, options: Options) -> tuple[Shape, ...]:
        """Return none: an expression always needs thought."""
        del data, options
        return ()

    def reader(self, options: Options) -> LineReader:
        """Return a reader for a new list."""
        return LineReader(_parse, options)

    def likeness(self, sample: Sequence[str]) -> float:
        """Return the share of lines with the marks of an expression and none of other syntaxes."""
        return share(sample, lambda text: text[:1] not in "/|@*" and _LIKE.match(text) is not None)


def _parse(text: str, options: Options) -> Sequence[Rule]:
    if not text or text.startswith("#"):
        return ()
    regex, *extensions = _EXTENSION.split(text)
    condition = NO_CONDITION
    action, rewrite = Action.BLOCK, None
    for extension in extensions:
        key, _, value = extension.partition("=")
        if key == "querytype":
            condition = _types(value)
        elif key == "reply":
            action, rewrite = _reply(value)
        else:
            raise Refused(Code.UNSUPPORTED_MODIFIER, ";invert")
    return (Rule(regex_pattern(regex, options), action, condition=condition, rewrite=rewrite),)


def _types(value: str) -> Condition:
    numbers = set()
    for name in value.removeprefix("!").split(","):
        number = type_number(name.strip())
        if number is None:
            raise Refused(Code.BAD_MODIFIER, f";querytype: unknown type {name[:40]!r}")
        numbers.add(number)
    if value.startswith("!"):
        return Condition(not_qtypes=frozenset(numbers))
    return Condition(qtypes=frozenset(numbers))


def _reply(value: str) -> tuple[Action, Rewrite | None]:
    known = _REPLIES.get(value.upper())
    if known is not None:
        return known
    address = read_address(value)
    if address is None:
        raise Refused(Code.UNSUPPORTED_MODIFIER, f";reply={value[:40]}")
    return Action.REWRITE, address_rewrite(address)
