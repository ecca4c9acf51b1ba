"""One request and its answer inside mitmproxy, with two things that its hooks cannot do.

* A body that is still held back can be judged by its first bytes, and answered in its place, before
  anything of it went to the client. mitmproxy asks add-ons before a body or after all of it.
* A fault of the server is answered with our page, in the reader's language, and not with its own.

`use` puts it in the place of mitmproxy's class; it leans on three of its methods, which
`tests/e2e/test_http_lean.py` looks for in every version.
"""

from typing import Protocol

from mitmproxy import http
from mitmproxy.proxy import events, layer
from mitmproxy.proxy.layers import http as layers
from mitmproxy.proxy.layers.http import SendHttp
from mitmproxy.proxy.layers.http._events import (
    RequestProtocolError,
    ResponseData,
    ResponseEndOfMessage,
    ResponseProtocolError,
    ResponseTrailers,
)

from filterd.http.watching import Watch

# Words in `flow.metadata`.
WATCH = "filterd-watch"  # over the answer's body
UPLOAD = "filterd-upload"  # over the request's
OURS = "filterd-ours"  # the answer is ours, and final
_BAD_GATEWAY = 502
_LATE = (ResponseData, ResponseTrailers, ResponseEndOfMessage)


class Answers(Protocol):
    """What an add-on is asked for."""

    def forbid(self, flow: http.HTTPFlow, watch: Watch) -> http.Response | None:
        """Return what is sent instead of an answer whose beginning was read; None: it may go on."""
        ...

    def explain(self, flow: http.HTTPFlow, message: str) -> http.Response | None:
        """Return the page for a server that cannot be had; None: mitmproxy's own words."""
        ...


def use(answers: Answers) -> None:
    """Have every request that comes from now on be one of ours."""
    layers.HttpStream = type("Stream", (Stream,), {"answers": answers})


class Stream(layers.HttpStream):  # type: ignore[misc]
    """See above."""

    answers: Answers

    def check_body_size(self, request: bool) -> layer.CommandGenerator[bool]:  # noqa: FBT001
        """Decide whether what came so far goes on."""
        held = self.request_body_buf if request else self.response_body_buf
        if request and held and OURS in self.flow.metadata:
            held.clear()  # it is answered already, and nobody reads this
            return False
        watch: Watch | None = self.flow.metadata.get(UPLOAD if request else WATCH)
        if watch is None or not held:
            return (yield from super().check_body_size(request))
        if request:
            watch.seen = len(held)
            return False if watch.holds else (yield from super().check_body_size(request))
        watch.take(bytes(held)[watch.seen :])
        if watch.holds:
            return False
        response = self.answers.forbid(self.flow, watch)
        if response is not None:
            yield from self._answer(response)
            return True
        yield from self._stream(watch)
        return False

    def _stream(self, watch: Watch) -> layer.CommandGenerator[None]:
        """Let what came so far go on, and the rest as it comes; of a file not its last piece."""
        assert self.flow.response is not None
        body = bytes(self.response_body_buf)
        self.response_body_buf.clear()
        watch.ahead = True
        self.flow.response.stream = watch.pass_on
        yield from self.start_response_stream()
        yield from self.handle_event(ResponseData(self.stream_id, body))

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        """Let what a server still sends behind an answer of ours fall."""
        if self.server_state == self.state_done and isinstance(event, _LATE):
            return
        yield from super()._handle_event(event)

    def handle_protocol_error(
        self, event: RequestProtocolError | ResponseProtocolError
    ) -> layer.CommandGenerator[None]:
        """Answer for a server that failed before it answered."""
        if isinstance(event, ResponseProtocolError) and self._unanswered():
            response = self.answers.explain(self.flow, event.message)
            if response is not None:
                yield from self._answer(response)
                return
        yield from super().handle_protocol_error(event)
        # It may be long until nobody knows of this stream any more.
        self.request_body_buf.clear()
        self.response_body_buf.clear()

    def _unanswered(self) -> bool:
        return (
            self.client_state == self.state_done
            and self.server_state == self.state_wait_for_response_headers
            and self.flow.response is None
            and self.flow.error is None
        )

    def _answer(self, response: http.Response) -> layer.CommandGenerator[None]:
        """Send `response` in the place of the server's, and end that."""
        self.response_body_buf.clear()
        self.flow.response = response
        self.flow.metadata[OURS] = True
        server = self.context.server
        talking = self.server_state == self.state_consume_response_body
        if self.client_state != self.state_done:
            # The request still goes up: there is no way to answer and end it too.
            self.flow.kill()
        yield from self.send_response()
        if talking and server.connected:
            word = RequestProtocolError(self.stream_id, "answered by the filter", _BAD_GATEWAY)
            yield SendHttp(word, server)
