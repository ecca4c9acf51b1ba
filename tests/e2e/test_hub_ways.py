"""The hub behind others and beside others: nginx before it, NATS behind it, slow subscribers."""

import signal
import socket
import time

import pytest
from sqlalchemy import func, select

from filterd.hub.database import open_database
from filterd.hub.tables import batches, counts, receipts
from tests.support.hub import Listener, RunningHub
from tests.support.nats import nats_server
from tests.support.nginx import before_hub
from tests.support.node import eventually
from tests.support.servers import connects, free_port, running

pytestmark = pytest.mark.real


def rows(hub, table):
    database = open_database(f"sqlite:///{hub.folder / 'hub.db'}")
    with database.read() as connection:
        found = connection.execute(select(func.count()).select_from(table)).scalar_one()
    database.close()
    return found


def test_what_nodes_send_goes_through_nats(tmp_path):
    nats, port = nats_server(), free_port()
    command = [nats, "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(tmp_path / "js")]
    hub = RunningHub(tmp_path / "hub", "sqlite:///hub.db", nats=f"nats://127.0.0.1:{port}")
    with running(command, tmp_path / "nats.log", lambda: connects(port)), hub.serving():
        node = hub.node()
        sealed, receipt = node.batch(), node.receipt(0)
        assert node.report(sealed).json == {"taken": 1, "known": 0}
        assert node.report(sealed).json == {"taken": 0, "known": 1}
        assert node.receipts(receipt).json["taken"] == 1
        assert node.report(node.batch(made_at=int(time.time()) + 900)).status == 422
        assert eventually(lambda: rows(hub, batches) == 1)
        assert eventually(lambda: rows(hub, receipts) == 1)
        assert rows(hub, counts) == 1
    assert "no JetStream there" in hub.says_why_not()


def files_of(hub):
    return f"""
        location /feed/ {{
          alias {hub.world.feed}/;
          location ~ (^|/)\\.|\\.(new|lock|tmp)$ {{ return 404; }}
        }}"""


def test_nginx_in_front(tmp_path):
    hub = RunningHub(tmp_path / "hub", "sqlite:///hub.db")
    with hub.serving(), before_hub(tmp_path / "nginx", hub.port, files_of(hub)) as port:
        behind, hub.port = hub.port, port
        node, officer = hub.node(), hub.person("Officer", "officer")
        assert node.receipts(node.receipt(0)).status == 200
        assert hub.get("/feed/checkpoint").status == 200
        assert hub.get("/feed/publishing.lock").status == 404
        listener = Listener(hub)
        before, *_ = listener.event()
        assert hub.submit(hub.order("one.example.com"), officer).status == 202
        ident, _, files = listener.event()
        assert (ident, len(files)) == (before + 1, 1)
        assert hub.get(f"/feed/log/000/000/{before:03d}.zst").body == files[0]
        listener.close()
        hub.port = behind


def test_an_old_client_is_told_without_chunks(tmp_path):
    hub = RunningHub(tmp_path, "sqlite:///hub.db")
    with hub.serving(), socket.create_connection(("127.0.0.1", hub.port), timeout=10) as raw:
        raw.sendall(b"GET /feed/events HTTP/1.0\r\n\r\n")
        answer = b""
        while not answer.endswith(b"}\n\n"):
            answer += raw.recv(4096)
        assert b"\r\n\r\n:\n\nid: 0\nevent: checkpoint\ndata: {" in answer


def test_who_takes_nothing_is_kept_within_bounds_and_slows_nobody(tmp_path):
    hub = RunningHub(tmp_path, "sqlite:///hub.db", publish_every="0s")
    with hub.serving():
        officer = hub.person("Officer", "officer")
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", hub.port))
        slow.sendall(b"GET /feed/events HTTP/1.1\r\nHost: hub\r\nLast-Event-ID: 0\r\n\r\n")
        quick = Listener(hub)
        size, *_ = quick.event()
        for number in range(12):
            names = tuple(f"n{number}-{at}.example.com" for at in range(1500))
            assert hub.submit(hub.order(*names), officer).status == 202
            began = time.monotonic()
            while size <= number:
                size, *_ = quick.event()
            assert time.monotonic() - began < 10
        assert hub.metric("filterd_hub_subscribers ") == 2
        slow.close()
        assert eventually(lambda: hub.metric("filterd_hub_subscribers ") == 1)
        quick.close()


def test_a_slow_body_is_given_up_and_slows_nobody(tmp_path):
    other = RunningHub(tmp_path / "slow", "sqlite:///hub.db", limits={"body_time": "1s"})
    with other.serving():
        node = other.node()
        slow = socket.create_connection(("127.0.0.1", other.port), timeout=20)
        slow.sendall(b"POST /v1/enrol HTTP/1.1\r\nHost: hub\r\nContent-Length: 1000\r\n\r\n{")
        began = time.monotonic()
        assert node.receipts(node.receipt(0)).status == 200
        assert time.monotonic() - began < 1
        assert slow.recv(4096).startswith(b"HTTP/1.1 408")
        slow.close()


def test_it_ends_when_it_is_told_to(tmp_path):
    hub = RunningHub(tmp_path / "ends", "sqlite:///hub.db")
    with hub.serving() as process:
        listener = Listener(hub)
        listener.event()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert listener.file.read().endswith(b"0\r\n\r\n")
        listener.close()
    assert "Traceback" not in (hub.folder / "hub.log").read_text()
