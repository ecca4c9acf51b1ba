"""What the HTTP filter speaks of: facts of a connection in, a verdict with its reason out.

Plain values; who made them (mitmproxy, a test, a gate of our own) cannot be told from them. A URL's
path and query stand in a `Request` alone, which nobody keeps.
"""

from dataclasses import dataclass
from enum import StrEnum

from filterd.model.verdict import Kind, Step


class Act(StrEnum):
    """What happens to a connection or a request."""

    SPLICE = "splice"  # bytes go through as they are, nothing is decrypted
    RESET = "reset"  # ended before anything goes to the server
    INSPECT = "inspect"  # decrypted with the site's own authority
    BLOCK = "block"  # answered with the block page
    PASS = "pass"  # noqa: S105 - goes on to the server


class Why(StrEnum):
    """What of the filter itself led to an act."""

    RULE = "rule"  # the same rules that answer DNS
    NAMELESS = "nameless"  # neither SNI nor host name: an address alone, or nothing
    BAD_NAME = "bad-name"  # a name that is none
    BAD_URL = "bad-url"  # a URL that two readers would understand differently
    TOO_MANY = "too-many"  # more connections than one client, or all, may have
    BAD_HELLO = "bad-hello"  # a ClientHello that cannot be read, or says two things
    DISAGREE = "names-disagree"  # URL, Host, SNI and tunnel name different hosts
    PORT = "port"  # a tunnel to a port that is not for the web
    NEVER = "never-decrypt"  # passed unread, since it may not be decrypted
    LEARNED = "learned"  # passed unread, since the client trusts one certificate only
    ANSWER = "dns-answer"  # our own DNS says no to the name's addresses or aliases
    WARNING = "warning"  # an authority's order to warn; whoever asks may go on
    LABEL = "age-label"  # the site itself says that it is for older people
    MEDIA = "media-hash"  # a file that is on a list of hashes
    CERTIFICATE = "certificate"  # the server's certificate is not valid
    UNREACHABLE = "unreachable"  # the server cannot be had
    SLOW = "slow"  # the server says nothing
    NO_RULES = "no-rules"  # no rules were ever handed over, or they could not be asked


@dataclass(frozen=True, slots=True)
class Hello:
    """The beginning of a TLS connection.

    `client`, `address`: IP addresses in text; `address` is where the client's packets go, None
    where an explicit proxy was told a name. `tunnel`: the host of CONNECT, as it was written.
    `sni` None: there is none. `ech`: extension 0xfe0d is there, which may be GREASE.
    """

    client: str
    address: str | None
    port: int
    sni: str | None
    alpn: tuple[str, ...] = ()
    ech: bool = False
    tunnel: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A request's first lines. `host`: of the URL, absolute-form or the connection's; `claimed`:
    the Host header or :authority; `sni`, `tunnel`: of the connection it came in; `target`: the
    authority of an absolute-form target in a tunnel (RFC 9112 section 3.2.2). `kind`, `source`:
    what for and who asks, in the words of `request_type.py`; looked at only where rules ask for it.
    """

    client: str
    scheme: str
    host: str
    port: int
    path: str
    method: str
    claimed: str | None = None
    sni: str | None = None
    tunnel: str | None = None
    target: str | None = None
    kind: str = "other"
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """The rule behind a verdict, in the words of `filterd explain`; see model.verdict.Reason.

    `order`: its number on paper; `illegal`: a category that no age makes right.
    """

    kind: Kind
    step: Step
    group: str
    list: str | None = None
    rule: str | None = None
    category: str | None = None
    min_age: int | None = None
    order: str | None = None
    mandatory: bool = False
    illegal: bool = False
    line: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens, and why. `host`: the name or address that decided. `dial`: the name whose
    addresses, by our own DNS, the connection may go to; None: the address that was asked for.
    """

    act: Act
    why: Why
    host: str
    reason: Reason | None = None
    dial: str | None = None
