"""A small real HTTP server in the place of the hub: it verifies what nodes send and keeps it once.

It can be told to misbehave: `answers` are taken from the front, one for each request; then all is
taken. "cut": the connection is cut after the content was read and kept; "deaf": before.
"""

import http.server
import json
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field

import zstandard

from filterd.feed.canonical import canonical, read_object
from filterd.feed.delivery import TAKES
from filterd.feed.envelope import unseal
from filterd.feed.receipt import read_receipt
from filterd.feed.refusal import Refused
from filterd.feed.request import Request, check_request, sender_of
from filterd.model.order import PublicKey
from filterd.report.batch import FIELDS, Lane, read_batch

MOST = 8 * 2**20


@dataclass
class Hub:
    """What arrived. `batches`: (node, epoch, sequence) -> the batch; `bodies`: as they came. `takes`:
    lanes that it says it takes; "": it is of a version that knows no other than counts and candidates.
    """

    code: str = "the-code"
    takes: str = Lane.SIGNALS.value
    answers: list = field(default_factory=list)  # (status, headers), "cut" or "deaf"
    keys: dict = field(default_factory=dict)
    batches: dict = field(default_factory=dict)
    sealed: dict = field(default_factory=dict)
    receipts: dict = field(default_factory=dict)
    bodies: list = field(default_factory=list)
    requests: list = field(default_factory=list)  # (path, time)
    faults: list = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def counted(self, *, rule=None, deed=None):
        """Return how often, over all batches."""
        return sum(
            row.count
            for batch in list(self.batches.values())
            for row in batch.rows
            if rule in {None, row.rule} and deed in {None, row.deed.value}
        )

    def by_rule(self):
        """Return the counts by rule, bracket and deed."""
        found = Counter()
        for batch in list(self.batches.values()):
            for row in batch.rows:
                found[row.rule, row.bracket.value, row.deed.value] += row.count
        return found

    def take(self, request):
        """Return status and answer of a request."""
        packed = request.content
        body = packed
        if request.headers.get("content-encoding") == "zstd":
            with zstandard.ZstdDecompressor().stream_reader(packed) as reader:
                body = reader.read(MOST)
        value = read_object(body, MOST)
        if request.path == "/v1/enrol":
            key = PublicKey(*value["key"])
            check_request(request, key, int(time.time()))
            if value["code"] != self.code:
                return 422, {"detail": "this code is not known, or was used"}
            self.keys[key.id] = key
            return 201, {"node": key.id, "name": "A school"}
        key = self.keys.get(sender_of(request))
        if key is None:
            return 401, {"detail": "unknown node"}
        check_request(request, key, int(time.time()))
        self.bodies.append(body)
        if request.path == "/v1/receipts":
            for each in value["receipts"]:
                receipt = read_receipt(each, key)
                self.receipts[receipt.node, receipt.size] = receipt
                for one in receipt.earlier:
                    self.receipts[receipt.node, one.size] = one
            return 200, {"taken": len(value["receipts"]), "known": 0}
        return self._batch(value, key)

    def _batch(self, value, key):
        batch = read_batch(unseal("batch", value, key, FIELDS))
        if not self.takes and batch.lane is Lane.SIGNALS:
            raise ValueError(f"{batch.lane.value!r} is not a valid Lane")
        ident = (batch.node, batch.epoch, batch.sequence)
        with self.lock:
            known = self.sealed.get(ident)
            if known is not None:
                same = known == canonical(value)
                return (200 if same else 409), {"taken": 0, "known": 1, "detail": "another content"}
            self.sealed[ident] = canonical(value)
            self.batches[ident] = batch
        return 200, {"taken": 1, "known": 0}


@contextmanager
def receiving(hub, port=0):
    """Serve `hub` on loopback; the address is in `hub.url`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            with hub.lock:
                how = hub.answers.pop(0) if hub.answers else None
                hub.requests.append((self.path, time.monotonic()))
            if how == "deaf":
                self.close_connection = True
                return
            length = int(self.headers["Content-Length"])
            content = self.rfile.read(length)
            if len(content) < length:  # its sender was killed, or the link cut
                self.close_connection = True
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            if isinstance(how, tuple):
                self._say(how[0], {"detail": "told to"}, how[1])
                return
            try:
                status, said = hub.take(Request("POST", self.path, content, headers))
            except (Refused, ValueError) as error:
                hub.faults.append(str(error))
                status, said = 422, {"detail": str(error)}
            if how == "cut":
                self.close_connection = True
                return
            self._say(status, said, {TAKES: hub.takes} if hub.takes and status == 200 else {})

        def _say(self, status, said, headers):
            body = json.dumps(said).encode()
            self.send_response_only(status)
            own = {"Date": self.date_time_string(), "Content-Length": str(len(body))}
            for name, value in (own | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Tests say what they want to."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        hub.url = f"http://127.0.0.1:{server.server_port}"
        yield hub
        server.shutdown()
