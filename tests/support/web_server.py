"""A web server of the standard library, running beside the test, with TLS where it is wished."""

import http.server
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def serving(
    server: http.server.HTTPServer,
    certificate: tuple[Path, Path] | None = None,
    seen: Callable[[str], object] = lambda _name: None,
) -> Iterator[None]:
    """Serve until the block ends. `seen` is told each SNI, "" where there is none."""
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)

        def named(_tls: object, name: str | None, _context: ssl.SSLContext) -> None:
            seen(name or "")

        context.sni_callback = named
        # The handshake is for the connection's own thread: a client may never begin it.
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
