"""Plain DNS over TCP (RFC 7766): one kept connection with many questions on it."""

from filterd.upstream.base import Means
from filterd.upstream.counts import Counts
from filterd.upstream.dial import dial
from filterd.upstream.kept import Keeper, KeptTransport, Session
from filterd.upstream.pipeline import StreamSession


def tcp_transport(address: str, port: int, means: Means, counts: Counts) -> KeptTransport:
    """Return the way to `address` (an IP literal) over TCP."""

    async def connect(keeper: Keeper) -> Session:
        return await dial((address,), port, lambda: StreamSession(keeper, means.rng, counts))

    return KeptTransport(f"tcp {address} port {port}", connect, means, counts)
