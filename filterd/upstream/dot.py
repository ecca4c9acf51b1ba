"""DNS over TLS (RFC 7858), strict: the certificate must be for the configured name or address.

Queries are padded to 128 octets (RFC 8467), sessions resumed.
"""

from filterd.upstream.base import Means
from filterd.upstream.bootstrap import located
from filterd.upstream.counts import Counts
from filterd.upstream.dial import dial
from filterd.upstream.kept import Keeper, KeptTransport, Session
from filterd.upstream.pipeline import StreamSession
from filterd.upstream.server import Server
from filterd.upstream.tls import ResumingContext, client_context


def dot_transport(server: Server, means: Means, counts: Counts) -> KeptTransport:
    """Return the way to `server` over TLS."""
    context: ResumingContext | None = None

    async def connect(keeper: Keeper) -> Session:
        nonlocal context
        if context is None:  # reading the system's certificates takes its time, so not at start
            context = client_context("dot", means.ca_file)
        session = await dial(
            await located(server, means),
            server.port,
            lambda: StreamSession(keeper, means.rng, counts, context),
            context,
            server.tls_name,
        )
        counts.resumed += session.resumed
        return session

    return KeptTransport(server.label, connect, means, counts)
