"""Where a connection that was decided may go: to an address that our own DNS has for its name."""

from dataclasses import dataclass

from filterd.http.daemon import Names
from filterd.http.gate import may_go_by_address
from filterd.http.host import read_host
from filterd.http.words import Act, Verdict, Why

BLOCKED = "blocked by filterd"


@dataclass(frozen=True, slots=True)
class Way:
    """`address`: where it goes; None: as it was asked for. `refusal`: why it may not go, in words
    for a log. `verdict`: where our own DNS blocks it, that. `elsewhere`: the client has an address
    that is none of the name's, and nobody had asked our DNS for the name.
    """

    address: str | None = None
    refusal: str | None = None
    verdict: Verdict | None = None
    elsewhere: bool = False


async def find_way(verdict: Verdict, host: str, client: str, names: Names) -> Way:
    """Return the way of a connection to `host` (name or address, as asked for) under `verdict`."""
    if verdict.dial is None:
        return Way() if may_go_by_address(verdict) else Way(refusal=BLOCKED)
    found = await names.find(verdict.dial, client)
    if found.blocked:
        return Way(refusal=BLOCKED, verdict=Verdict(Act.RESET, Why.ANSWER, verdict.dial))
    if not found.known:
        # Nobody but our own DNS is asked for a name. An address came from the client.
        if read_host(host).name is None:
            return Way()
        return Way(refusal=f"our own DNS cannot be asked for {verdict.dial}")
    elsewhere = found.news and read_host(host).name is None
    if not found.addresses:  # a name made up, or one that only a file on the device has
        return Way(refusal=f"{verdict.dial} has no address", elsewhere=elsewhere)
    if host in found.addresses:
        return Way()
    return Way(found.addresses[0], elsewhere=elsewhere)
