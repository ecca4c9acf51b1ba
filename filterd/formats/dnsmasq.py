"""dnsmasq's `address=`, `local=` and `server=` lines; they cover a name and its subdomains.

The line with the longest name decides, whatever it says. A null address blocks, another address
answers, no address is NXDOMAIN. `server=/x/#` takes a name out of wider rules. A server to forward
to is configuration, not a rule, and refused as such.
"""

import re
from collections.abc import Sequence

from filterd.formats.addresses import address_rewrite, leads_nowhere, read_address
from filterd.formats.base import Options, Shape
from filterd.formats.lines import JoiningReader, LineReader, share
from filterd.formats.names import check_width, name_pattern, read_name, regex_pattern
from filterd.formats.refusals import Code, Refused
from filterd.model.rule import Action, NamePattern, Pattern, Rewrite, Rule, Scope

_LIKE = re.compile(r"(?:address|local|server)=/[^/]*/")
_COMMENT = re.compile(r"(?:^|\s)#.*$")


class Dnsmasq:
    """The dnsmasq format."""

    name = "dnsmasq"
    title = "dnsmasq address=, local= and server= lines"
    comments: tuple[bytes, ...] = (b"#",)

    def shapes(self, data: bytes, options: Options) -> tuple[Shape, ...]:
        """Return the shapes of one name a line."""
        del data, options
        return (
            Shape(b"local=/", b"/", Scope.SUBTREE, Action.NXDOMAIN),
            Shape(b"server=/", b"/", Scope.SUBTREE, Action.NXDOMAIN),
            Shape(b"address=/", b"/", Scope.SUBTREE, Action.NXDOMAIN),
            Shape(b"address=/", b"/#", Scope.SUBTREE),
            Shape(b"address=/", b"/0.0.0.0", Scope.SUBTREE),
            Shape(b"address=/", b"/127.0.0.1", Scope.SUBTREE),
            Shape(b"address=/", b"/::", Scope.SUBTREE),
            Shape(b"server=/", b"/#", Scope.SUBTREE, Action.ALLOW),
        )

    def reader(self, options: Options) -> JoiningReader:
        """Return a reader for a new list."""
        return JoiningReader(LineReader(_parse, options))

    def likeness(self, sample: Sequence[str]) -> float:
        """Return the share of lines that are rules of dnsmasq."""
        return share(sample, lambda text: _LIKE.match(text) is not None)


def _parse(text: str, options: Options) -> Sequence[Rule | Refused]:
    text = _COMMENT.sub("", text).strip()
    if not text:
        return ()
    key, _, value = text.partition("=")
    key = key.strip()
    if key not in {"address", "local", "server"}:
        raise Refused(Code.NOT_A_RULE, "only address=, local= and server= carry rules")
    value = value.strip()
    if not value.startswith("/"):
        raise Refused(Code.FORWARDING_RULE, "put servers under upstream.servers")
    names, _, target = value[1:].rpartition("/")
    if value.count("/") < 2:
        raise Refused(Code.BAD_SYNTAX, f"expected {key}=/name/ or {key}=/name/value")
    action, rewrite = _meaning(key, target.strip())
    return tuple(_rule(name, action, rewrite, options) for name in names.split("/"))


def _rule(name: str, action: Action, rewrite: Rewrite | None, options: Options) -> Rule | Refused:
    try:
        return Rule(_pattern(name.strip(), options), action, rewrite=rewrite)
    except Refused as refused:
        return refused


def _meaning(key: str, target: str) -> tuple[Action, Rewrite | None]:
    """Return what happens to the names in front of `target`."""
    if not target:
        return Action.NXDOMAIN, None
    if key != "address":
        if target == "#":
            return Action.ALLOW, None
        raise Refused(Code.FORWARDING_RULE, "put it under upstream.zones")
    if target == "#" or leads_nowhere(target):
        return Action.BLOCK, None
    address = read_address(target)
    if address is None:
        raise Refused(Code.BAD_ADDRESS, f"not an IP address: {target[:80]!r}")
    return Action.REWRITE, address_rewrite(address)


def _pattern(name: str, options: Options) -> Pattern:
    if name == "#":
        check_width("", Scope.SUBTREE, options)
        return NamePattern("", Scope.SUBTREE)
    if not name:
        raise Refused(Code.UNSUPPORTED_PATTERN, "// (names without a dot) is not supported")
    if name.startswith("*."):
        return name_pattern(name[2:], Scope.BELOW, options)
    if name.startswith("*"):
        ending = read_name(name[1:]).replace(".", r"\.")
        return regex_pattern(f"{ending}$", options)
    if "*" in name:
        raise Refused(Code.UNSUPPORTED_PATTERN, "a * may stand only in front of a name")
    return name_pattern(name, Scope.SUBTREE, options)
