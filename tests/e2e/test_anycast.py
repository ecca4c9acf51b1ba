"""A node that is well has a route, and one that is not has none: real ExaBGP, real FRR, and a real
router (BIRD) on the other side of a wire.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dns.message
import dns.query
import pytest

from tests.support import needs
from tests.support import node as nodes
from tests.support.data import ROOT
from tests.support.dnsclient import query_of
from tests.support.node import node
from tests.support.router import ANYCAST, NODE, ROUTES, router
from tests.support.servers import running

pytestmark = pytest.mark.real

FILES = ROOT / "deploy/anycast"
DRAIN = 6.0
CONFIG = {
    "groups": {"all": {"age": 18}},
    "default_group": "all",
    "block": ["bad.example.com"],
    "upstream": {"servers": ["127.0.0.1:9"]},
    "access": {"networks": ["192.0.2.0/24", "203.0.113.0/24", "2001:db8::/32"]},
    "listen": {
        "udp": ["0.0.0.0:53", "[::]:53"],
        "tcp": ["0.0.0.0:53", "[::]:53"],
        "drain": f"{DRAIN:g}s",
    },
}


@pytest.fixture
def world(tmp_path):
    """A router, and a node that is well; the two do not know each other yet."""
    needs.root("to make network namespaces")
    with router(tmp_path / "router") as there, node(tmp_path / "node", CONFIG) as running_node:
        yield there, running_node


@pytest.fixture
def command(tmp_path):
    """A program `filterd`, as the package has it."""
    path = tmp_path / "bin/filterd"
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\ncd {ROOT}\nexec {sys.executable} -m filterd "$@"\n')
    path.chmod(0o755)
    return path


@contextmanager
def exabgp(folder, command):
    """ExaBGP as we ship it, but for where the program is."""
    path = needs.program("exabgp", "exabgp")
    text = (FILES / "exabgp.conf").read_text().replace("/usr/bin/filterd", str(command))
    file = folder / "exabgp.conf"
    file.write_text(text)
    settings = {"exabgp.daemon.user": "root", "exabgp.api.cli": "false", "exabgp.log.level": "INFO"}
    with ExitStack() as stack:
        for address, length in zip(ANYCAST, (32, 128), strict=True):
            subprocess.run(["ip", "address", "add", f"{address}/{length}", "dev", "lo"], check=True)
        words = ["env", *(f"{key}={value}" for key, value in settings.items()), path, str(file)]
        log = folder / "exabgp.log"
        yield stack.enter_context(running(words, log, lambda: "loaded" in log.read_text() or True))


@contextmanager
def frr(_folder, command):
    """FRR as we ship it, and beside it what the service runs."""
    home = needs.program("bgpd", "frr")
    # They give up root for their own account, which may not look into a folder of pytest's.
    folder = Path(tempfile.mkdtemp(prefix="filterd-frr-"))
    shutil.chown(folder, "frr", "frrvty")
    folder.chmod(0o775)
    empty = folder / "zebra.conf"
    empty.write_text("")
    zserv = folder / "zserv.api"
    common = ["-z", str(zserv), "--vty_socket", str(folder)]
    zebra = [home.replace("bgpd", "zebra"), "-f", str(empty), "-i", str(folder / "zebra.pid")]
    routes = shutil.copy(FILES / "frr.conf", folder)
    bgpd = [home, "-f", str(routes), "-i", str(folder / "bgpd.pid"), "-p", "0"]
    service = next(
        line.removeprefix("ExecStart=").split()
        for line in (FILES / "filterd-anycast.service").read_text().splitlines()
        if line.startswith("ExecStart=")
    )
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        stack.enter_context(running([*zebra, *common], folder / "zebra.log", zserv.exists))
        stack.enter_context(running([*bgpd, *common], folder / "bgpd.log", lambda: True))
        before = os.environ["PATH"]
        os.environ["PATH"] = f"{command.parent}:{before}"
        try:
            # In a process group of its own, as systemd starts it.
            words = ["setsid", str(FILES / "filterd-anycast"), *service[1:]]
            watching = stack.enter_context(running(words, folder / "watch.log", lambda: True))
        finally:
            os.environ["PATH"] = before
        yield watching


def answered(address):
    """Whether the node answers at an anycast address, from there."""
    query = query_of("bad.example.com")
    try:
        reply = dns.query.udp(query, address, timeout=3, source=address)
    except OSError:
        return False
    return [r.to_text() for r in reply.answer[0]] == ["0.0.0.0"]


@pytest.mark.parametrize("speaker", [exabgp, frr], ids=["exabgp", "frr"])
def test_a_route_is_there_while_the_node_is_well(tmp_path, world, command, speaker):
    there, ours = world
    assert there.routes() == frozenset()
    with speaker(tmp_path, command):
        there.has(ROUTES)
        assert all(map(answered, ANYCAST))
        # Asked from the router's side, by the route that it learned.
        asked = [*there.inside, needs.program("dig", "bind9-dnsutils"), "+short", "+tries=1"]
        for address in ANYCAST:
            shown = subprocess.run(
                [*asked, f"@{address}", "bad.example.com"],
                capture_output=True, text=True, timeout=20, check=True,
            )  # fmt: skip
            assert shown.stdout == "0.0.0.0\n"

        ours.process.kill()
        ours.process.wait()
        begun = time.monotonic()
        there.has(frozenset())
        killed = time.monotonic() - begun
        assert killed < 10

        ours.process = nodes.start(ours.folder)
        nodes.wait_for(ours, "/readyz")
        there.has(ROUTES)

        ours.process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        there.has(frozenset())
        stopped = time.monotonic() - begun
        assert ours.alive, "the route is gone before the node is"
        assert ours.process.wait(20) == 0
        print(f"withdrawn {killed:.1f} s after kill -9, {stopped:.1f} s after SIGTERM")
        ours.process = nodes.start(ours.folder)
        nodes.wait_for(ours, "/readyz")
        there.has(ROUTES)
    # Who announced it is gone, and so is the route.
    there.has(frozenset())


def test_a_node_answers_at_its_own_addresses_when_it_has_no_route(world):
    there, ours = world
    for address in NODE:
        shown = subprocess.run(
            [*there.inside, needs.program("dig", "bind9-dnsutils"), "+short", f"@{address}",
             "bad.example.com"],
            capture_output=True, text=True, timeout=20, check=True,
        )  # fmt: skip
        assert shown.stdout == "0.0.0.0\n"
    assert ours.alive
