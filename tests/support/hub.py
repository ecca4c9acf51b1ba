"""The real hub as processes on loopback, nodes that speak to it, and officers."""

import base64
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import yaml
from securesystemslib.signer import CryptoSigner

from filterd.cli.demo_world import make_world, order
from filterd.feed.acts import signed_json
from filterd.feed.canonical import canonical
from filterd.feed.envelope import seal
from filterd.feed.keys import public_key
from filterd.feed.receipt import Receipt, sign_receipt
from filterd.feed.request import signed_headers
from filterd.model.order import Priority
from filterd.report.batch import Band, Batch, Bracket, Deed, Lane, Tallied, batch_json
from tests.support.data import ROOT
from tests.support.servers import free_port


class Answer:
    """Status, headers and JSON of an answer."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def detail(self):
        assert self.headers["content-type"] == "application/problem+json"
        return self.json["detail"]


class RunningHub:
    """A folder with a feed and a configuration, and the processes that serve it."""

    def __init__(self, folder, database, **config):
        self.folder = folder
        self.world = make_world(folder, int(time.time()))
        self.port = free_port()
        self.metrics_port = free_port()
        self.database = database
        self.config = {
            "listen": f"127.0.0.1:{self.port}",
            "metrics": f"127.0.0.1:{self.metrics_port}",
            "database": database,
            "log": {"key": "log.pem", "passphrase_file": "log.pass"},
            "publish_every": "1s",
            **config,
        }
        self.write()
        done = self.command("init", "--operator", "Op")
        self.operator = done.stdout.strip()
        self.serial = 0

    @property
    def file(self):
        return self.folder / "hub.yaml"

    def write(self, **changes):
        self.config |= changes
        self.file.write_text(yaml.safe_dump(self.config))

    def command(self, *words, code=0):
        done = subprocess.run(
            (sys.executable, "-m", "filterd", "hub", words[0], "-c", self.file, *words[1:]),
            cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done

    @contextmanager
    def serving(self, name="hub", **environ):
        """Serve until the block ends; yields the process."""
        log = self.folder / f"{name}.log"
        command = (sys.executable, "-m", "filterd", "hub", "serve", "-c", str(self.file))
        with log.open("ab") as out:
            process = subprocess.Popen(
                command, cwd=ROOT, stdout=out, stderr=out, env={**os.environ, **environ}
            )
        try:
            until = time.monotonic() + 30
            while not self.is_up():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.05)
            yield process
        finally:
            process.terminate()
            process.wait(20)

    def says_why_not(self):
        """Return what it says where it cannot serve."""
        command = (sys.executable, "-m", "filterd", "hub", "serve", "-c", str(self.file))
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode != 0
        assert "Traceback" not in done.stderr, done.stderr
        return done.stderr

    def is_up(self):
        try:
            return self.get("/healthz").status == 200
        except OSError:
            return False

    def ask(self, method, path, content=b"", headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, content, headers or {})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, token=None):
        return self.ask("GET", path, headers=_bearer(token))

    def post(self, path, value, token=None):
        headers = {"Content-Type": "application/json", **_bearer(token)}
        return self.ask("POST", path, canonical(value), headers)

    def person(self, name, role, **more):
        answer = self.post("/v1/people", {"name": name, "role": role, **more}, self.operator)
        assert answer.status == 201, answer.body
        return answer.json["token"]

    def node(self, name="A school", province="79"):
        """Enrol a new node."""
        code = self.post("/v1/invitations", {"name": name, "province": province}, self.operator)
        node = FakeNode(self)
        answer = node.enrol(code.json["code"])
        assert answer.status == 201, answer.body
        return node

    def order(self, *names, urgent=True, **changed):
        """Return a new order with two officers' signatures."""
        now = int(time.time())
        self.serial += 1
        act = order(f"o-{self.serial}", names or ("bet.example.com",), now)
        if not urgent:
            act = replace(act, priority=Priority.NORMAL)
        return self.world.signed(replace(act, **changed), now)

    def submit(self, signed, token):
        return self.post("/v1/orders", signed_json(signed), token)

    @property
    def size(self):
        """Segments by the checkpoint on disk."""
        return int((self.world.feed / "checkpoint").read_text().splitlines()[1])

    def metric(self, start):
        connection = http.client.HTTPConnection("127.0.0.1", self.metrics_port, timeout=5)
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
        connection.close()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(start))


class FakeNode:
    """A node's key and what it sends; nothing of the hub is bypassed."""

    def __init__(self, hub):
        self.hub = hub
        self.signer = CryptoSigner.generate_ed25519()
        self.key = public_key(self.signer)
        self.sequence = 0
        self.before = bytes(32)

    def send(self, path, value, *, at=None, content=None, signer=None, headers=None):
        body = canonical(value) if content is None else content
        moment = int(time.time()) if at is None else at
        signed = signed_headers("POST", path, body, signer or self.signer, moment)
        return self.hub.ask("POST", path, body, {**signed, **(headers or {})})

    def enrol(self, code, **how):
        key = [self.key.id, self.key.keytype, self.key.scheme, self.key.public]
        return self.send("/v1/enrol", {"code": code, "key": key, "software": "test"}, **how)

    def receipt(self, size, root=bytes(32), **changed):
        now = int(time.time() * 1000)
        made = {
            "node": self.key.id, "size": size, "root": root, "state": bytes(32),
            "received_at": now - 30, "applied_at": now - 20, "observed_at": now - 10,
            "refused": 0, "software": "test", **changed,
        }  # fmt: skip
        return sign_receipt(Receipt(**made), self.signer)

    def receipts(self, *sealed, **how):
        return self.send("/v1/receipts", {"receipts": list(sealed)}, **how)

    def batch(self, *, count=1, sequence=None, made_at=None, **changed):
        """Return the next sealed batch; it follows the one before."""
        now = int(time.time())
        row = Tallied(now // 300 * 300 - 300, 300, "own", Bracket.ALL, Deed.BLOCK, count, Band.FEW)
        made = {
            "node": self.key.id, "epoch": 1_770_000_000,
            "sequence": self.sequence if sequence is None else sequence, "before": self.before,
            "made_at": now if made_at is None else made_at, "lane": Lane.COUNTS, "rows": (row,),
            **changed,
        }  # fmt: skip
        sealed = seal("batch", batch_json(Batch(**made)), self.signer)
        self.sequence += 1
        return sealed

    def report(self, sealed, **how):
        return self.send("/v1/reports", sealed, **how)


class Listener:
    """A subscriber of the feed's events; `hints` are those of the trust root that it has heard."""

    def __init__(self, hub, last=None):
        self.hints = []
        self.socket = socket.create_connection(("127.0.0.1", hub.port), timeout=20)
        more = "" if last is None else f"Last-Event-ID: {last}\r\n"
        head = f"GET /feed/events HTTP/1.1\r\nHost: hub\r\n{more}\r\n"
        self.socket.sendall(head.encode())
        self.file = self.socket.makefile("rb")
        while self.file.readline().strip():
            pass

    def event(self):
        """Return the next checkpoint's id, itself and segments."""
        while (data := self._next()).keys() != {"id", "checkpoint", "segments"}:
            pass
        return data["id"], data["checkpoint"], list(map(base64.b64decode, data["segments"]))

    def hint(self):
        """Return the next hint that the trust root is another."""
        number = len(self.hints)
        while len(self.hints) == number:
            self._next()
        return self.hints[-1]

    def _next(self):
        found = {}
        while True:
            line = self.file.readline()
            assert line, "the subscription ended"
            name, colon, value = line.decode().strip().partition(": ")
            if colon and name in {"id", "event", "data"}:
                found[name] = value
            if name == "" and "data" in found:
                break
        data = json.loads(found["data"])
        if found["event"] == "trust":
            assert "id" not in found
            self.hints.append(data["trust"])
            return data
        return data | {"id": int(found["id"])}

    def close(self):
        self.file.close()
        self.socket.close()


def _bearer(token):
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def feed_file(hub, path):
    return (Path(hub.world.feed) / path).read_bytes()
