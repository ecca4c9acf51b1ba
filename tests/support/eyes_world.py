"""What there is to see: a school's node with lists, orders, the HTTP filter and a firewall, a provider's
node, a hub, their traffic, and a Prometheus that looks at all three.

All of it is in the namespace of a school's gateway, with a pupil's device beside it that tries to go
round the filter; the one's loopback is nobody else's, and its firewall is its own.

The school's clock is ahead by as much as makes a slot of five minutes end soon, since what groups
do is told when a slot is over. A wrong clock is an alert, and one that the tests expect.
"""

import contextlib
import http.client
import http.server
import itertools
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import dns.message

from filterd.control.client import call
from filterd.feed.receipt import Check
from filterd.model.order import Revocation
from tests.support.databases import database_url
from tests.support.http_world import RunningFilter, Site, http_filter, site
from tests.support.hub import FakeNode, RunningHub
from tests.support.needs import program
from tests.support.node import RunningNode, eventually, node
from tests.support.prometheus import RunningPrometheus, prometheus
from tests.support.school_wires import OUTSIDE, Wires, school_wires
from tests.support.servers import free_port
from tests.support.unbound import Unbound, unbound

SLOT = 300
PATIENCE = 60.0
LEAD = 30  # seconds until the school's slot ends, at least
ZONES = ('local-zone: "example.com." static', 'local-data: "www.example.com. 5 IN A 192.0.2.1"')
GAMES = "".join(f"||game{number}.example.com^\n" for number in range(50))
HERE, STAFF = "127.0.0.1", "127.0.0.18"
MADE_UP, BUILT_IN = "02:00:5e:00:53:01", "00:00:5e:00:53:02"  # MAC addresses
LEASES = f"0 {MADE_UP} 10.77.0.21 * *\n0 {BUILT_IN} 10.77.0.22 * *\n"
DOMAIN = 53  # devices ask the gateway there
OPEN, ORDERED, REVOKED = "www.example.com", "bet.example.com", "mistake.example.com"
ASKED = (OPEN, OPEN, OPEN, "game1.example.com", "game2.example.com", ORDERED, "own.example.com")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        """Say nothing."""


@dataclass
class World:
    """All of it. `lists`: the folder that lists are served from; `feed`: what the provider follows."""

    folder: Path
    stack: ExitStack
    resolver: Unbound
    hub: RunningHub
    serving: subprocess.Popen[str]  # of the hub
    school: RunningNode
    provider: RunningNode
    web: Site
    filter: RunningFilter
    lists: Path
    leases: Path
    wires: Wires
    feed: Path
    quiet: FakeNode
    officer: str
    prometheus: RunningPrometheus
    began: float = field(default_factory=time.time)

    def instance(self, one: RunningNode) -> str:
        return f"127.0.0.1:{one.metrics_port}"

    def order(self, name: str) -> int:
        """Publish an order against a name; return when, in unix milliseconds."""
        _publish(self.hub, self.hub.order(name), self.officer)
        return int(time.time() * 1000)

    def settle(self) -> None:
        """Have the school write down what it has counted."""
        call(self.school.folder / "control.sock", "log-settle")


# libfaketime 0.9.10 breaks clock_nanosleep for the clock that it is told to leave alone, and by that
# clock Python sleeps, also where it waits for a child.
SLEEP = "import select, time\ntime.sleep = lambda seconds: select.select([], [], [], seconds)\n"


def _ahead(now: float, folder: Path) -> tuple[str, ...]:
    """Return a command under which a slot ends in `LEAD` seconds or a little more."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SLEEP)
    program("faketime", "faketime")
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    left = SLOT - now % SLOT
    by = int(left - LEAD if left >= LEAD else left + SLOT - 2 * LEAD)
    how = (f"LD_PRELOAD={library}", f"FAKETIME=+{by}s", "FAKETIME_DONT_FAKE_MONOTONIC=1")
    return ("env", f"PYTHONPATH={folder}", *how)


def _school(
    hub: RunningHub, resolver: Unbound, lists: str, leases: Path, web: Site, proxy: int, python: str
):
    url = f"http://127.0.0.1:{hub.port}"
    return {
        "listen": {kind: [f"0.0.0.0:{DOMAIN}", f"[::]:{DOMAIN}"] for kind in ("udp", "tcp")},
        "upstream": {"servers": [f"127.0.0.1:{resolver.port}"], "timeout": "1s"},
        "default_group": "Lớp 3A",
        "groups": {
            "Lớp 3A": {"age": 8, "block": ["own.example.com"]},
            "Giáo viên": {"age": 18, "networks": [f"{STAFF}/32"], "bypass_protection": False},
        },
        "lists": {"games": {"format": "adblock", "url": f"{lists}/games.txt", "category": "games"}},
        "gateway": {"lan": ["lan0"], "egress": {"groups": ["Lớp 3A"]}},
        "who": {"dnsmasq": [str(leases)]},
        "records": ["*.site.example A 127.0.0.1"],
        "block": ["blocked.site.example"],
        "feed": {"root": str(hub.world.root), "url": f"{url}/feed", "hub": url, "poll": "1s"},
        "report": {"every": "1s"},
        "http": {
            "listen": {"explicit": [f"127.0.0.1:{proxy}"]},
            "python": python,
            "workers": 1,
            "ports": [web.port],
        },
    }  # fmt: skip


def _provider(hub: RunningHub, resolver: Unbound, feed: Path):
    return {
        "upstream": {"servers": [f"127.0.0.1:{resolver.port}"], "timeout": "1s"},
        "default_group": "g",
        "groups": {"g": {"age": 18}},
        "feed": {"root": str(hub.world.root), "url": f"file://{feed}", "poll": "300ms"},
    }


def _targets(hub: RunningHub, school: RunningNode, provider: RunningNode):
    def at(port, **labels):
        return {"targets": [f"127.0.0.1:{port}"], "labels": labels}

    return {
        "node": [
            at(school.metrics_port, role="school", site="a school"),
            at(provider.metrics_port, role="isp", site="a provider"),
        ],
        "hub": [at(hub.metrics_port, role="hub", site="ministry")],
    }


@contextmanager
def world(folder: Path, python: str) -> Iterator[World]:
    """Bring it up in `folder`; `python`: of the HTTP filter's environment."""
    with ExitStack() as stack:
        wires = stack.enter_context(school_wires(udp=(), tcp=()))
        resolver = stack.enter_context(unbound(folder / "unbound", None, *ZONES))
        hub = RunningHub(folder / "hub", database_url("sqlite", folder), late_after="5s")
        serving = stack.enter_context(hub.serving())
        lists = folder / "www"
        lists.mkdir()
        (lists / "games.txt").write_text(GAMES)
        address = stack.enter_context(_served(lists))
        leases = folder / "dnsmasq.leases"
        leases.write_text(LEASES)
        officer = hub.person("Officer", "officer")
        quiet = hub.node("Quiet")
        mistake = hub.order(REVOKED)
        for signed in (hub.order(ORDERED), mistake):
            _publish(hub, signed, officer)
            tell(quiet, hub)
        feed = folder / "feed"
        shutil.copytree(hub.world.feed, feed)
        web, proxy = stack.enter_context(site()), free_port()
        school = stack.enter_context(
            node(
                folder / "school",
                _school(hub, resolver, address, leases, web, proxy, python),
                prefix=_ahead(time.time(), folder / "ahead"),
                ready=False,  # lists are fetched and compiled meanwhile
            )
        )
        school.port = DOMAIN
        provider = stack.enter_context(node(folder / "provider", _provider(hub, resolver, feed)))
        watching = stack.enter_context(
            prometheus(folder / "prometheus", _targets(hub, school, provider))
        )
        applied = school.run("gateway", "apply")
        assert applied.returncode == 0, applied.stderr
        assert eventually(lambda: school.http("/readyz")[0] == 200, PATIENCE), school.log
        _enrol(hub, school)
        eventually((school.state / "http/ruling.json").exists)
        running = stack.enter_context(http_filter(school.folder, proxy))
        made = World(
            folder, stack, resolver, hub, serving, school, provider, web, running, lists, leases, wires, feed,
            quiet, officer, watching,
        )  # fmt: skip
        stack.enter_context(_traffic(made))
        end = Revocation(mistake.act.id, mistake.act.authority, "a mistake", int(time.time()))
        _publish(hub, hub.world.signed(end, int(time.time())), officer)
        tell(quiet, hub)
        yield made


def tell(one: FakeNode, hub: RunningHub, since: int | None = None, *, good: bool = True) -> None:
    """Have a node prove all that there is, in force since unix millisecond `since` or now, and that
    an order ended when it had to, and a name is open that must be; or else that neither is so, and
    that it does not enforce an order.
    """
    now = int(time.time() * 1000)
    subjects = {"expiry": "0", "open": OPEN}
    checks = tuple(Check(kind, what, now - 900, now - 100, good) for kind, what in subjects.items())
    seen_at = now - 10 if since is None else since
    times = {"received_at": seen_at - 20, "applied_at": seen_at - 10, "observed_at": seen_at}
    receipt = one.receipt(hub.size, checks=checks, refused=int(not good), **times)
    assert one.receipts(receipt).status == 200


def _publish(hub: RunningHub, signed, officer: str) -> None:
    size = hub.size
    assert hub.submit(signed, officer).status == 202
    assert eventually(lambda: hub.size > size)


def _enrol(hub: RunningHub, one: RunningNode) -> None:
    said = {"name": "A school", "province": "79"}
    code = hub.post("/v1/invitations", said, hub.operator).json["code"]
    assert eventually(lambda: one.run("feed", "enrol", code).returncode == 0, PATIENCE)


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    handler = partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(5)


@contextmanager
def _traffic(made: World) -> Iterator[None]:
    """Ask without waiting for answers, whatever is down meanwhile, until the block ends."""
    stop = threading.Event()
    threads = [
        threading.Thread(target=work, args=(made, stop)) for work in (_ask, _browse, _go_round)
    ]
    for each in threads:
        each.start()
    try:
        yield
    finally:
        stop.set()
        for each in threads:
            each.join(10)


def _ask(made: World, stop: threading.Event) -> None:
    with ExitStack() as stack:
        doors = []
        for one, source in ((made.school, HERE), (made.school, STAFF), (made.provider, HERE)):
            door = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            door.bind((source, 0))
            door.connect(("127.0.0.1", one.port))
            door.setblocking(False)
            doors.append(door)
        for number in itertools.count():
            if stop.wait(0.04):
                return
            new = f"n{number}.example.com"  # which no cache knows
            name = new if number % 5 == 0 else ASKED[number % len(ASKED)]
            wire = dns.message.make_query(name, ("A", "AAAA")[number // 3 % 2]).to_wire()
            with contextlib.suppress(OSError):  # what was sent before met nobody
                doors[number % len(doors)].send(wire)
            if number % 50 == 0:
                _over_tcp(made.provider.port, wire)


def _over_tcp(port: int, wire: bytes) -> None:
    try:
        door = socket.create_connection(("127.0.0.1", port), timeout=1)
    except OSError:
        return  # it was ended by the test
    with door, contextlib.suppress(OSError):
        door.sendall(len(wire).to_bytes(2) + wire)
        door.recv(2)


def _browse(made: World, stop: threading.Event) -> None:
    names = itertools.cycle(("open.site.example", "open.site.example", "blocked.site.example"))
    while not stop.wait(0.3):
        try:
            proxy = http.client.HTTPConnection("127.0.0.1", made.filter.proxy, timeout=2)
            proxy.request("GET", f"http://{next(names)}:{made.web.port}/")
            proxy.getresponse().read()
        except (OSError, http.client.HTTPException):
            continue  # it was ended by the test
        finally:
            proxy.close()


def _go_round(made: World, stop: threading.Event) -> None:
    """Try what a pupil's device tries: DNS over TLS, a resolver elsewhere, an address nobody asked for."""
    for number in itertools.count():
        if stop.wait(0.3):
            return
        made.wires.reach("tcp", OUTSIDE[4], (853, 53, 443)[number % 3])


@contextmanager
def held(pid: int) -> Iterator[None]:
    """Stop a process as a machine that hangs would, until the block ends."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
