"""TLS to an upstream: who must be at the other end, and tickets kept for the next connection.

The certificate is always verified, for a name or for an address (RFC 8310, strict profile); there
is no way to switch that off.
"""

import ssl
from typing import Any

from filterd.upstream.base import ExchangeError, Fault


class ResumingContext(ssl.SSLContext):
    """A client context for one server that resumes its last session.

    asyncio has no parameter for the session, but both it and uvloop build their TLS through
    `wrap_bio`, so the session is put in there.
    """

    session: ssl.SSLSession | None = None

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """See ssl.SSLContext."""
        if self.session is not None:
            kwargs["session"] = self.session
        return super().wrap_bio(*args, **kwargs)

    def keep(self, tls: ssl.SSLObject | None) -> None:
        """Remember the session of a connection, which may have a ticket by now."""
        if tls is not None and tls.session is not None and tls.session.has_ticket:
            self.session = tls.session


def client_context(alpn: str, ca_file: str | None) -> ResumingContext:
    """Return a context that verifies, speaks TLS 1.2 or newer and offers `alpn`.

    Raises:
        ExchangeError: TLS, if `ca_file` cannot be read.
    """
    context = ResumingContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols([alpn])
    try:
        if ca_file is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ExchangeError(Fault.TLS, f"cannot read the CA file {ca_file}: {error}") from None
    return context
