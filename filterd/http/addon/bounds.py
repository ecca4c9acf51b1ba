"""mitmproxy's HTTP/1 with bounds, and without two of its faults.

* What waits to be understood (a head without an end, a chunk's size, requests behind the one that
  is answered) is at most `MOST` bytes; it says itself that it has no bound.
* Trailers are read and left out, as RFC 9110 section 6.5.1 allows; it raises an error at them.
* Informational answers of a server (RFC 9110 section 15.2) are left out; it takes the first for the
  answer. 101 without a wish to upgrade is a fault of the server.

`use_bounds` puts these in the place of mitmproxy's classes; `tests/e2e/test_http_hostile_*.py`
would fail where a version has them elsewhere.
"""

import re

import h11
from mitmproxy import http
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.layers import http as layers
from mitmproxy.proxy.layers.http import ReceiveHttp, _events, _http1

MOST = 65_536  # bytes; nginx takes 32 KiB of a request's head, Apache 8 KiB a line
_TOO_LARGE = 431  # RFC 6585 section 5
# Version 12 has words of its own for what version 11 calls by status.
_CODES = getattr(_events, "ErrorCode", None)
_CLIENT = 400 if _CODES is None else _CODES.GENERIC_CLIENT_ERROR
_SERVER = 502 if _CODES is None else _CODES.GENERIC_SERVER_ERROR
_INTERIM = re.compile(rb"HTTP/1\.[01] 1(?!01)\d\d[ \r\n]")
_SWITCHING = re.compile(rb"HTTP/1\.[01] 101[ \r\n]")
_END = re.compile(rb"\r?\n\r?\n")


def _plain_error(status_code: int, message: str = "") -> bytes:  # noqa: ARG001 - for us alone
    """Return an answer to what is no request, without versions, addresses or what was sent."""
    reason = http.status_codes.RESPONSES.get(status_code, "Error")
    head = f"HTTP/1.1 {status_code} {reason}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    return head.encode("ascii")


def use_bounds() -> None:
    """Have every connection that begins from now on be one of these."""
    _http1.make_error_response = _plain_error
    layers.Http1Server, layers.Http1Client = BoundedServer, BoundedClient
    _http1.ChunkedReader = Chunks


class Chunks(_http1.ChunkedReader):  # type: ignore[misc]
    """Chunks without their trailers."""

    def __call__(self, buf: _http1.ReceiveBuffer) -> h11.Data | h11.EndOfMessage | None:
        """Return what comes next."""
        event = super().__call__(buf)
        return h11.EndOfMessage() if isinstance(event, h11.EndOfMessage) else event


class BoundedServer(_http1.Http1Server):  # type: ignore[misc]
    """The client's side."""

    state: object

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        yield from super()._handle_event(event)
        if len(self.buf) <= MOST or self.state == self.done:
            return
        self.buf.maybe_extract_at_most(len(self.buf))
        beginning = self.state == self.read_headers
        if beginning:
            answer = _http1.make_error_response(_TOO_LARGE, "The head of a request is too large.")
            yield commands.SendData(self.conn, answer)
        yield commands.CloseConnection(self.conn)
        self.state = self.done
        if not beginning:
            yield ReceiveHttp(
                _events.RequestProtocolError(self.stream_id, "too much at once", _CLIENT)
            )


class BoundedClient(_http1.Http1Client):  # type: ignore[misc]
    """The server's side."""

    state: object

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        yield from super()._handle_event(event)
        if len(self.buf) > MOST and self.state != self.done:
            yield from self._give_up("the head of an answer is too large")

    def read_headers(self, event: events.ConnectionEvent) -> layer.CommandGenerator[None]:
        """Read the head of the answer itself."""
        if isinstance(event, events.DataReceived) and self.request:
            said = bytes(self.buf)
            while _INTERIM.match(said) and (end := _END.search(said)):
                self.buf.maybe_extract_at_most(end.end())
                said = said[end.end() :]
            if _SWITCHING.match(said) and "upgrade" not in self.request.headers:
                yield from self._give_up("it switches to what nobody asked for")
                return
        yield from super().read_headers(event)

    def _give_up(self, why: str) -> layer.CommandGenerator[None]:
        self.buf.maybe_extract_at_most(len(self.buf))
        self.state = self.done
        yield commands.CloseConnection(self.conn)
        if self.stream_id is not None:
            yield ReceiveHttp(_events.ResponseProtocolError(self.stream_id, why, _SERVER))
