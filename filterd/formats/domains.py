"""Lists of plain names: `domains` means each name alone, `onlydomains` its subdomains too."""

import re
from collections.abc import Sequence

from filterd.formats.base import Options, Shape
from filterd.formats.lines import LineReader, share
from filterd.formats.names import name_pattern
from filterd.formats.refusals import Code, Refused
from filterd.model.rule import Rule, Scope

_LIKE = re.compile(r"[\w-]+(?:\.[\w-]+)*\.[\w-]*[^\W\d]\w*\.?(?:\s+#.*)?")


class Domains:
    """One bare name a line; with `subdomains` (or the list's own setting) it covers a subtree."""

    comments: tuple[bytes, ...] = (b"#", b"!")

    def __init__(self, name: str, title: str, *, subdomains: bool) -> None:
        self.name = name
        self.title = title
        self.subdomains = subdomains

    def shapes(self, data: bytes, options: Options) -> tuple[Shape, ...]:
        """Return the one shape of a bare name."""
        del data
        return (Shape(b"", b"", self._scope(options)),)

    def reader(self, options: Options) -> LineReader:
        """Return a reader for a new list."""
        return LineReader(self._parse, options)

    def likeness(self, sample: Sequence[str]) -> float:
        """Return the share of bare names; lists that leave out subdomains cannot be told apart."""
        names = share(sample, lambda text: _LIKE.fullmatch(text) is not None)
        return names * (0.9 if self.subdomains else 1.0)

    def _parse(self, text: str, options: Options) -> Sequence[Rule]:
        fields = text.partition("#")[0].split()
        if not fields or text.startswith("!"):
            return ()
        if len(fields) > 1:
            raise Refused(Code.BAD_SYNTAX, "expected one name")
        if "/" in fields[0]:
            raise Refused(
                Code.URL_RULE,
                "needs more of the URL than its host name; lists of URLs are of format urls, lists "
                "of rules in ABP syntax of abp-url",
            )
        return (Rule(name_pattern(fields[0], self._scope(options), options)),)

    def _scope(self, options: Options) -> Scope:
        return Scope.SUBTREE if self.subdomains or options.subdomains else Scope.EXACT


def exact_domains() -> Domains:
    """Return the `domains` format."""
    return Domains("domains", "one name a line, exact", subdomains=False)


def only_domains() -> Domains:
    """Return the `onlydomains` format."""
    return Domains("onlydomains", "one name a line, with its subdomains", subdomains=True)
