"""`limits` and `cookies`: what clients may ask for, and how they prove their address.

Numbers are a second's; their bounds are those of the core's tables.
"""

from pydantic import Field, model_validator

from filterd.config.section import Section
from filterd.config.types import FilePath, Network, Ttl

MOST_RATE = 100_000
MOST_SECONDS = 600


class QueryLimitsConfig(Section):
    """The rate of queries from one client, a network prefix. Above it queries over UDP get no
    answer, and over TCP REFUSED; who knows DNS cookies is asked for one (BADCOOKIE), and with it
    has a count of its own.
    """

    rate: int = Field(default=0, ge=0, le=MOST_RATE)
    """Queries a second; 0: no limit. Off, because one address may stand for a whole school behind
    NAT, and a limit that is too low looks like a broken network."""
    burst: int | None = Field(default=None, ge=1)
    """Queries at once after a pause; left out: as many as two seconds of `rate`."""
    ipv4_prefix: int = Field(default=32, ge=1, le=32)
    """Bits of an IPv4 address that are one client."""
    ipv6_prefix: int = Field(default=56, ge=1, le=128)
    """Bits of an IPv6 address that are one client; a home usually has a /56."""

    @model_validator(mode="after")
    def _burst_in_time(self) -> "QueryLimitsConfig":
        if self.rate and self.burst and self.burst > MOST_SECONDS * self.rate:
            raise ValueError(
                f"burst is above {MOST_SECONDS} seconds of rate; allowed: at most that"
            )
        return self


class ResponseLimitsConfig(Section):
    """The rate of replies over UDP that are alike: response rate limiting, as in BIND, Knot and
    NSD. It keeps the node from flooding a victim in whose name somebody else asks.
    """

    rate: int = Field(default=0, ge=0, le=MOST_RATE)
    """Answers a second about one name to one network prefix; 0: no limit. Off, because the clients
    of a resolver do ask for the same names; switch it on where forged addresses can come in, with a
    rate above what a network of that size asks for, or exempt your own networks."""
    negatives: int | None = Field(default=None, ge=0, le=MOST_RATE)
    """Answers a second that say there is no such name or record, by zone; left out: as `rate`."""
    errors: int | None = Field(default=None, ge=0, le=MOST_RATE)
    """Errors a second, whatever they are about; left out: as `rate`."""
    slip: int = Field(default=2, ge=0, le=10)
    """One in so many replies above the rate goes out truncated, so that a real client comes by
    TCP; 1: all of them, 0: none."""
    window: Ttl = 15
    """How long replies above the rate are held against it, at most 10 minutes."""
    ipv4_prefix: int = Field(default=24, ge=1, le=32)
    """Bits of an IPv4 address that are one network."""
    ipv6_prefix: int = Field(default=56, ge=1, le=128)
    """Bits of an IPv6 address that are one network."""

    @model_validator(mode="after")
    def _window_in_bounds(self) -> "ResponseLimitsConfig":
        if self.window > MOST_SECONDS:
            raise ValueError("window is above 10 minutes; allowed: at most 10m")
        return self


class LimitsConfig(Section):
    """What clients may ask for. Who proves its address by TCP or by a DNS cookie is not limited by
    what others send in its name.
    """

    queries: QueryLimitsConfig = QueryLimitsConfig()
    """The rate of queries from one client."""
    responses: ResponseLimitsConfig = ResponseLimitsConfig()
    """The rate of replies that are alike."""
    exempt: tuple[Network, ...] = ("127.0.0.0/8", "::1/128")
    """Networks without these limits; loopback only while it stands here."""


class CookiesConfig(Section):
    """DNS cookies (RFC 7873, RFC 9018): a client that shows one has not forged its address.

    Servers behind one address need the same secret, whatever their make: 32 hexadecimal digits in
    a file, as BIND's `cookie-secret`. To change it, let `older_secret_file` name the old one for an
    hour.
    """

    enabled: bool = True
    """Give cookies to clients that know them."""
    require: bool = False
    """Answer such clients over UDP only if they show a cookie from here; others get BADCOOKIE with
    a new one and ask again. Clients that know no cookies are answered all the same."""
    secret_file: FilePath | None = None
    """The file with the secret, relative to this file; left out: cookie.secret in the state
    directory, made when it is not there."""
    older_secret_file: FilePath | None = None
    """The file with the secret before; cookies made with it are still good."""
