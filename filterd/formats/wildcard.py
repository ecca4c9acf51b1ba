"""Lists of `*.name`. Their makers mean the name and its subdomains, and so does a bare name.

A `*` further inside stands for any characters, as dnscrypt-proxy reads such lists.
"""

import re
from collections.abc import Sequence

from filterd.formats.base import Options, Shape
from filterd.formats.lines import LineReader, share
from filterd.formats.names import name_pattern, regex_pattern
from filterd.formats.refusals import Code, Refused
from filterd.model.rule import Pattern, Rule, Scope

_WITH_STARS = re.compile(r"[A-Za-z0-9_.*-]+\.[A-Za-z0-9_-]+")
_LIKE = re.compile(r"\*\.[\w*-]+(?:\.[\w*-]+)*(?:\s+#.*)?")


class Wildcard:
    """The wildcard format."""

    name = "wildcard"
    title = "*.name a line, the name included"
    comments: tuple[bytes, ...] = (b"#", b"!")

    def shapes(self, data: bytes, options: Options) -> tuple[Shape, ...]:
        """Return the shapes with and without `*.`."""
        del data, options
        return (Shape(b"*.", b"", Scope.SUBTREE), Shape(b"", b"", Scope.SUBTREE))

    def reader(self, options: Options) -> LineReader:
        """Return a reader for a new list."""
        return LineReader(_parse, options)

    def likeness(self, sample: Sequence[str]) -> float:
        """Return the share of lines with `*.` in front."""
        return share(sample, lambda text: _LIKE.fullmatch(text) is not None)


def _parse(text: str, options: Options) -> Sequence[Rule]:
    fields = text.partition("#")[0].split()
    if not fields or text.startswith("!"):
        return ()
    if len(fields) > 1:
        raise Refused(Code.BAD_SYNTAX, "expected one name")
    name = fields[0].removeprefix("*.")
    return (Rule(_pattern(name, options)),)


def _pattern(name: str, options: Options) -> Pattern:
    if "*" not in name:
        return name_pattern(name, Scope.SUBTREE, options)
    if not _WITH_STARS.fullmatch(name):
        raise Refused(Code.UNSUPPORTED_PATTERN, "a * needs the end of a name behind it")
    inner = name.lower().replace(".", r"\.").replace("*", ".*")
    return regex_pattern(rf"(?:^|\.){inner}$", options)
