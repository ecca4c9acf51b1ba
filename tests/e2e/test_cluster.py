"""Two nodes behind a real dnsdist: who asked is known, and nodes come and go under load."""

import json
import signal
import socket
from contextlib import ExitStack, contextmanager, suppress

import dns.exception
import dns.flags
import dns.message
import dns.query
import pytest

from filterd.engine.health import NAME
from tests.support import node as nodes
from tests.support.dnsclient import data_of, framed, query_of, udp
from tests.support.dnsdist import PROXY, dnsdist
from tests.support.needs import program
from tests.support.node import eventually, node
from tests.support.proxy import LOCAL, header
from tests.support.stub_load import StubLoad

pytestmark = pytest.mark.real

PUPIL, STAFF, STRANGER = "127.0.0.3", "127.0.0.18", "127.0.0.77"
OPEN, BLOCKED = ["192.0.2.68"], ["0.0.0.0"]
CHANGES = {
    "groups": {
        "pupils": {"grade": 3, "networks": [f"{PUPIL}/32"], "block": ["games.example.com"]},
        "staff": {"age": 18, "networks": [f"{STAFF}/32", f"{PROXY}/32"]},
    },
    "default_group": "pupils",
    "block": ["bad.example.com"],
    "cookies": {"enabled": False},
}
LOAD = ("www.example.com", "bad.example.com", "other.example.com", "games.example.com")


def changes(resolver, **listen):
    return CHANGES | {
        "upstream": {"servers": [f"127.0.0.1:{resolver.port}"]},
        "listen": {"proxies": [f"{PROXY}/32"], **listen},
    }


@contextmanager
def cluster(folder, resolver, **listen):
    """Two nodes and the port of dnsdist before them."""
    program("dnsdist", "dnsdist")
    with ExitStack() as stack:
        both = [
            stack.enter_context(node(folder / name, changes(resolver, **listen)))
            for name in ("one", "other")
        ]
        port = stack.enter_context(dnsdist(folder / "dnsdist", [each.port for each in both]))
        yield both, port


def tcp(name, port, source, host="127.0.0.1"):
    return dns.query.tcp(query_of(name), host, timeout=8, port=port, source=source)


def metric(running, start):
    return running.metric(f"filterd_{start}")


def both_answer(both, port):
    """Wait until dnsdist sends queries to each of the two."""
    before = [metric(each, "verdicts_total") for each in both]

    def spread():
        with StubLoad(port, ("www.example.com",), STAFF, rate=200) as load:
            nodes.time.sleep(0.3)
        assert not load.unanswered
        # More than health checks alone.
        counts = [metric(each, "verdicts_total") for each in both]
        return all(now > was + 10 for now, was in zip(counts, before, strict=True))

    eventually(spread, 20)


@pytest.mark.parametrize("workers", [2, 0])
def test_each_client_behind_the_proxy_gets_its_own_answer(tmp_path, resolver, workers):
    with cluster(tmp_path, resolver, workers=workers) as (both, port):
        for _ in range(6):  # so that each node is asked
            for client, answer in ((PUPIL, BLOCKED), (STAFF, OPEN)):
                assert data_of(udp("games.example.com", "A", port, source=client)) == answer
                assert data_of(tcp("games.example.com", port, client)) == answer
        large = dns.query.udp_with_fallback(
            query_of("large.example.com", "TXT"), "127.0.0.1", 8, port, source=STAFF
        )
        assert large[1], "it was truncated, and asked again over TCP"
        assert len(large[0].answer[0]) == 20
        through = {door: [metric(n, f'proxied_total{{door="{door}"}}') for n in both]
                   for door in ("udp", "tcp")}  # fmt: skip
        assert min(through["udp"]) > 0, through
        assert sum(through["tcp"]) >= 13, through
        assert sum(metric(each, "proxy_refused_total") for each in both) == 0


def test_nobody_but_the_proxy_can_say_who_asked(tmp_path, resolver):
    with node(tmp_path, changes(resolver)) as running:
        claim = header(STAFF) + query_of("games.example.com").to_wire()
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.bind((PUPIL, 0))
            sock.connect(("127.0.0.1", running.port))
            sock.settimeout(5)
            sock.send(claim)
            heard = sock.recv(4096)
            assert heard[3] & 15 == 4, "NOTIMP: for others the header is a query of some kind"
            assert bytes([192, 0, 2, 68]) not in heard
        with socket.create_connection(
            ("127.0.0.1", running.port), 5, source_address=(PUPIL, 0)
        ) as stream:
            wire = query_of("games.example.com").to_wire()
            stream.sendall(header(STAFF, stream=True) + framed(wire) + bytes(4000))
            data = b""
            while more := stream.recv(4096):
                data += more
                if len(data) > 5:
                    break
            assert bytes([192, 0, 2, 68]) not in data
        assert data_of(udp("games.example.com", "A", running.port, source=PUPIL)) == BLOCKED
        assert metric(running, "proxied_total") == 0
        # And the proxy cannot leave it out.
        with pytest.raises(dns.exception.Timeout):
            udp("games.example.com", "A", running.port, source=PROXY, timeout=1)
        with pytest.raises((EOFError, ConnectionResetError)):
            tcp("games.example.com", running.port, PROXY)
        assert metric(running, 'proxy_refused_total{header="missing"}') == 2


def test_a_claim_inside_a_claim_is_nothing(tmp_path, resolver):
    """What a client sends to dnsdist goes behind its header, and is no second one."""
    with cluster(tmp_path, resolver) as (_, port):
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.bind((PUPIL, 0))
            sock.connect(("127.0.0.1", port))
            sock.settimeout(1.5)
            sock.send(header(STAFF) + query_of("games.example.com").to_wire())
            with suppress(TimeoutError):  # dnsdist itself may drop what is no query
                assert bytes([192, 0, 2, 68]) not in sock.recv(4096)
        assert data_of(udp("games.example.com", "A", port, source=PUPIL)) == BLOCKED


def test_limits_are_for_the_client_not_the_proxy(tmp_path, resolver):
    with node(
        tmp_path,
        changes(resolver) | {"limits": {"queries": {"rate": 5, "burst": 5}}},
    ) as running:
        wire = query_of("www.example.com").to_wire()
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.bind((PROXY, 0))
            sock.connect(("127.0.0.1", running.port))
            sock.settimeout(5)
            for number in range(40):  # forty clients, each in a network of its own
                sock.send(header(f"10.{number}.0.1") + wire)
                assert sock.recv(4096)[3] & 15 == 0
            for _ in range(40):
                sock.send(header("10.99.0.1") + wire)
            eventually(lambda: metric(running, 'guarded_total{how="limited"}') >= 30)


def test_a_killed_node_costs_no_client_its_answer(tmp_path, resolver):
    with cluster(tmp_path, resolver) as (both, port):
        both_answer(both, port)
        with StubLoad(port, LOAD, STAFF, rate=300, patience=3.0, tries=3) as load:
            nodes.time.sleep(1)
            both[1].process.kill()
            both[1].process.wait()
            nodes.time.sleep(4)
            both[1].process = nodes.start(both[1].folder)
            nodes.wait_for(both[1], "/readyz")
            before = metric(both[1], "verdicts_total")
            eventually(lambda: metric(both[1], "verdicts_total") > before + 50)
            nodes.time.sleep(1)
        nodes.stop(both[1].process)
        print(f"killed: {load.asked} asked, {load.resent} asked again, "
              f"{len(load.unanswered)} never answered, slowest {load.slowest:.2f} s")  # fmt: skip
        assert load.unanswered == []
        assert load.answered == load.asked
        assert load.failed == []
        # What the other node had in hand, and got until dnsdist saw that it is gone.
        assert load.resent < load.rate * 3
        assert load.seen["bad.example.com"] == {"0.0.0.0"}
        assert load.seen["games.example.com"] == {OPEN[0]}


def test_a_node_that_is_told_to_stop_loses_nothing(tmp_path, resolver):
    with cluster(tmp_path, resolver, drain="3s") as (both, port):
        both_answer(both, port)
        with StubLoad(port, LOAD, STAFF, rate=300) as load:
            nodes.time.sleep(0.5)
            for each in both:
                each.process.send_signal(signal.SIGTERM)
                eventually(lambda each=each: each.http("/readyz")[0] == 503)
                direct = _local(each.port)
                assert direct.rcode().name == "SERVFAIL"
                assert each.process.wait(15) == 0
                each.process = nodes.start(each.folder)
                nodes.wait_for(each, "/readyz")
                before = metric(each, "verdicts_total")
                eventually(lambda e=each, b=before: metric(e, "verdicts_total") > b + 50)
        for each in both:
            nodes.stop(each.process)
        print(
            f"drained: {load.asked} asked, {load.resent} asked again, slowest {load.slowest:.2f} s"
        )
        assert (load.resent, load.unanswered, load.failed) == (0, [], [])
        assert load.answered == load.asked


def test_told_twice_it_stops_at_once(tmp_path, resolver):
    with node(tmp_path, changes(resolver, drain="50s")) as running:
        running.process.terminate()
        eventually(lambda: "still answered for 50 s" in running.log)
        running.process.terminate()
        assert running.process.wait(10) == 0


def _local(port):
    """Ask for the health name as dnsdist does."""
    query = query_of(NAME)
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind((PROXY, 0))
        sock.connect(("127.0.0.1", port))
        sock.settimeout(5)
        sock.send(LOCAL + query.to_wire())
        return dns.message.from_wire(sock.recv(4096))


def test_only_a_node_that_enforces_its_rules_is_well(tmp_path, resolver):
    """A list that was never there: DNS is answered, but clients are to go elsewhere."""
    missing = changes(resolver) | {
        "lists": {"wanted": {"url": "http://127.0.0.1:9/list.txt", "format": "domains"}}
    }
    with node(tmp_path, missing, ready=False) as running:
        eventually(lambda: udp("www.example.com", "A", running.port, source=STAFF).rcode() == 0)
        assert _local(running.port).rcode().name == "SERVFAIL"
        assert running.run("health").returncode == 1
    with node(tmp_path / "whole", changes(resolver)) as running:
        assert data_of(_local(running.port)) == ["127.0.0.1"]
        # It is no other than any name: only over this door, and for whom is answered.
        assert data_of(udp(NAME, "A", running.port, source=STAFF)) == ["127.0.0.1"]
        done = running.run("health", "--json")
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert told["well"] is True
        assert len(told["doors"]) == 4
        nodes.stop(running.process)
        assert running.run("health").returncode == 3


def test_commands_that_ask_at_a_door_say_whose_they_are(tmp_path, resolver):
    """Here loopback itself is a proxy, as where dnsdist runs on the node's machine."""
    listen = {"proxies": ["127.0.0.0/8", "::1/128"]}
    with node(tmp_path, changes(resolver) | {"listen": listen}) as running:
        assert running.run("health").returncode == 0
        assert "answered" in running.run("query", "www.example.com").stdout
        assert running.run("query", "bad.example.com", "--tcp").returncode == 1
