"""hosts files: an address, then names. A null address blocks them, another one answers for them.

Names are exact unless the list says `subdomains: true`. The machine's own names, which every
hosts file starts with, are refused as such: a filter that blocked `localhost` would break things.
"""

import re
from collections.abc import Sequence

from filterd.formats.addresses import address_rewrite, leads_nowhere, read_address
from filterd.formats.base import Options, Shape
from filterd.formats.lines import JoiningReader, LineReader, share
from filterd.formats.names import check_width, read_name
from filterd.formats.refusals import Code, Refused
from filterd.model.rule import Action, NamePattern, Rule, Scope

_LOCAL_NAMES = frozenset(
    {
        *("localhost", "localhost.localdomain", "localhost4", "localhost6", "local", "loopback"),
        *("localhost4.localdomain4", "localhost6.localdomain6", "localdomain", "broadcasthost"),
        *("ip6-localhost", "ip6-loopback", "ip6-localnet", "ip6-mcastprefix", "ip6-allnodes"),
        *("ip6-allrouters", "ip6-allhosts", "0.0.0.0", "127.0.0.1", "::1"),  # noqa: S104
    }
)
_OWN_LINE = re.compile(rb"(?im)^(\S+)[ \t]+localhost[46]?\.localdomain[46]?\b")
_LIKE = re.compile(r"(?i)(?:[0-9.]+|[0-9a-f:]*::[0-9a-f]*)\s+[^\s#]")


class Hosts:
    """The hosts format."""

    name = "hosts"
    title = "hosts file: address and names"
    comments: tuple[bytes, ...] = (b"#",)

    def shapes(self, data: bytes, options: Options) -> tuple[Shape, ...]:
        """Return the shapes of one blocked name a line."""
        scope = Scope.SUBTREE if options.subdomains else Scope.EXACT
        return plain_shapes(data, scope)

    def reader(self, options: Options) -> JoiningReader:
        """Return a reader for a new list."""
        return JoiningReader(LineReader(parse, options))

    def likeness(self, sample: Sequence[str]) -> float:
        """Return the share of lines with an address and a name."""
        return share(sample, lambda text: _LIKE.match(text) is not None)


def plain_shapes(data: bytes, scope: Scope) -> tuple[Shape, ...]:
    """Return the shapes of lines with a null address and one name.

    An address that also stands before one of the machine's own names with a dot has none: the
    core would take that name for a site's.
    """
    own: set[bytes] = set()
    if b"ocaldomain" in data or b"OCALDOMAIN" in data:  # a plain search costs next to nothing
        own = {match[1] for match in _OWN_LINE.finditer(data)}
    return tuple(
        Shape(address + blank, b"", scope)
        for address in (b"0.0.0.0", b"127.0.0.1", b"::")
        if address not in own
        for blank in (b" ", b"\t")
    )


def parse(text: str, options: Options) -> Sequence[Rule | Refused]:
    """Return a rule or a refusal for each name of one hosts line; raises Refused for all of it."""
    fields = text.partition("#")[0].split()
    if not fields:
        return ()
    if len(fields) == 1:
        raise Refused(Code.BAD_SYNTAX, "expected an address and a name")
    address = fields[0]
    if not leads_nowhere(address) and read_address(address) is None:
        raise Refused(Code.BAD_ADDRESS, f"not an IP address: {address[:80]!r}")
    return tuple(_rule_or_refused(address, name, options) for name in fields[1:])


def _rule_or_refused(address: str, name: str, options: Options) -> Rule | Refused:
    try:
        return _rule(address, name, options)
    except Refused as refused:
        return refused


def _rule(address_text: str, text: str, options: Options) -> Rule:
    if text.lower().rstrip(".") in _LOCAL_NAMES:
        raise Refused(Code.LOCAL_NAME, f"{text!r} is a name of the machine itself")
    name = read_name(text)
    address = None if leads_nowhere(address_text) else read_address(address_text)
    if address is None:
        scope = Scope.SUBTREE if options.subdomains else Scope.EXACT
        check_width(name, scope, options)
        return Rule(NamePattern(name, scope))
    pattern = NamePattern(name, Scope.EXACT)
    return Rule(pattern, Action.REWRITE, rewrite=address_rewrite(address))
