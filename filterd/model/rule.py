"""What one line of a list means: a pattern, what to do, and under which conditions."""

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum


class Scope(IntEnum):
    """Which names a name pattern covers. The numbers are part of the index file."""

    EXACT = 0  # the name only
    SUBTREE = 1  # the name and everything under it
    BELOW = 2  # everything under it, not the name itself (RPZ `*.x`)


class Trigger(IntEnum):
    """What a network pattern is held against. The numbers are part of the index file."""

    ANSWER = 0  # an address in an answer (RPZ rpz-ip, ABP `||192.0.2.1^`)
    CLIENT = 1  # the address of who asks (RPZ rpz-client-ip)


class Action(StrEnum):
    """What a rule does when it decides."""

    BLOCK = "block"  # the group's block answer
    NXDOMAIN = "nxdomain"  # block, always with this rcode (RPZ `CNAME .`, dnsmasq local=)
    NODATA = "nodata"  # block, always with an empty answer (RPZ `CNAME *.`)
    DROP = "drop"  # block by silence (RPZ rpz-drop)
    TCP_ONLY = "tcp-only"  # truncate over UDP, pass over TCP (RPZ rpz-tcp-only)
    ALLOW = "allow"  # an exception (`@@`, RPZ passthru, allow list)
    REWRITE = "rewrite"  # answer with the rule's own data
    UNREWRITE = "unrewrite"  # an exception for rewrites only (`@@…$dnsrewrite`)


@dataclass(frozen=True, slots=True)
class NamePattern:
    """A normalised name and its scope; name "" with SUBTREE matches everything."""

    name: str
    scope: Scope


@dataclass(frozen=True, slots=True)
class RegexPattern:
    """An unanchored regular expression (Rust `regex` syntax, linear time) over the lower-case
    name without trailing dot, and over the text of addresses in answers.
    """

    regex: str


@dataclass(frozen=True, slots=True)
class NetworkPattern:
    """An IPv4 or IPv6 network in CIDR notation."""

    network: str
    trigger: Trigger


@dataclass(frozen=True, slots=True)
class UrlPattern:
    """A canonical host and path: the path with all beneath it or, with a query, exactly that; with
    `subtree` on the hosts below, too. DNS leaves it alone.
    """

    host: str
    path: str
    subtree: bool = False


Pattern = NamePattern | RegexPattern | NetworkPattern | UrlPattern


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold beside the pattern. Empty fields ask for nothing.

    `clients` are names, addresses or CIDR networks, `tags` are client tags. A `not_` field
    excludes; where both are given, both must be satisfied.
    """

    qtypes: frozenset[int] = frozenset()
    not_qtypes: frozenset[int] = frozenset()
    clients: frozenset[str] = frozenset()
    not_clients: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    not_tags: frozenset[str] = frozenset()
    denyallow: frozenset[str] = (
        frozenset()
    )  # names; the rule leaves these and their subdomains alone


NO_CONDITION = Condition()


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a rewrite. `rdata` is presentation text: "192.0.2.1", "10 mail.example",
    "1 . alpn=h3" and so on, as dnslib or dnspython would read it; names without trailing dot.
    """

    rtype: int
    rdata: str


@dataclass(frozen=True, slots=True)
class Rewrite:
    """The answer a REWRITE rule gives.

    `cname` sends the question to another name, which is then resolved. Otherwise `rcode` with
    those `records` whose type was asked for (none of that type: NODATA).
    """

    rcode: int = 0
    records: tuple[Record, ...] = ()
    cname: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `line` and `text` say where it stands; they take no part in equality."""

    pattern: Pattern
    action: Action = Action.BLOCK
    important: bool = False
    condition: Condition = NO_CONDITION
    rewrite: Rewrite | None = None
    line: int = field(default=0, compare=False)
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Cancel:
    """`$badfilter`: the rule equal to `rule` is void wherever it stands."""

    rule: Rule


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line that was not taken, and why.

    `reason` starts with a code from a small fixed set, then a colon and words:
    "unsupported-modifier: $third-party". The code is a metric label, so it never varies with input.
    """

    line: int
    text: str
    reason: str

    @property
    def code(self) -> str:
        """The part of `reason` before the colon."""
        return self.reason.partition(":")[0]
