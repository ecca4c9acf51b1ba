"""Real DHCP servers and clients, real neighbours: a device is its group soon after it came."""

import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support import dhcp, needs
from tests.support.node import RunningNode, eventually, node

pytestmark = pytest.mark.real
PORT = 5399  # in a namespace of our own
SOON = 10.0  # seconds on a machine that is busy with other tests; about one on an idle one
BLOCKED, OPEN = "0.0.0.0", "192.0.2.1"


def config(**changes: Any) -> dict[str, Any]:
    doors = ["127.0.0.1:5398", f"10.77.0.1:{PORT}", f"[2001:db8:77::1]:{PORT}"]
    return {
        "listen": {"udp": doors, "tcp": doors},
        "upstream": {"servers": ["127.0.0.1:1"]},
        "default_group": "young",
        "groups": {
            "young": {"age": 6, "safe_search": False, "block": ["staffroom.example"]},
            "staff": {"age": 18, "safe_search": False, "filtered": False},
        },
        "access": {"networks": ["2001:db8:77::/64"]},
        "records": [f"staffroom.example 60 A {OPEN}"],
        **changes,
    }


def seconds_until_open(wire: dhcp.Wire, version: int = 4) -> float:
    began = time.monotonic()
    eventually(lambda: wire.ask("staffroom.example", PORT, version) == OPEN, 10)
    return time.monotonic() - began


@pytest.mark.parametrize("known", [dhcp.DEVICE, f"host:{dhcp.NAME}"])
@pytest.mark.parametrize("server", dhcp.SERVERS)
def test_a_device_that_takes_a_lease_is_in_its_group(
    tmp_path: Path, server: str, known: str
) -> None:
    with dhcp.wire(tmp_path) as wire, dhcp.SERVERS[server](tmp_path) as leases:
        changes = config(
            clients={"laptop": {"group": "staff", "ids": [known]}},
            who={server: [str(leases)], "neighbours": False},
        )
        with node(tmp_path / "node", changes) as running:
            address = wire.lease()
            assert seconds_until_open(wire) < SOON
            assert address in running.run("who").stdout
            assert running.metric(f'filterd_who_entries{{source="{server}"}}') == 1
            assert running.metric(f'filterd_who_problem{{source="{server}"}}') == 0
        # What was leased before is known at the next start.
        with node(tmp_path / "node", changes):
            assert seconds_until_open(wire) < SOON


@pytest.mark.parametrize("server", dhcp.SERVERS)
def test_a_lease_over_ipv6_is_its_devices_by_the_duid(tmp_path: Path, server: str) -> None:
    with dhcp.wire(tmp_path) as wire, dhcp.SERVERS[server](tmp_path, 6) as leases:
        changes = config(
            clients={"laptop": {"group": "staff", "ids": [dhcp.DEVICE]}},
            who={server: [str(leases)], "neighbours": False},
        )
        with node(tmp_path / "node", changes) as running:
            address = wire.lease6()
            assert seconds_until_open(wire, 6) < SOON
            assert address in running.run("who").stdout
            assert running.metric(f'filterd_who_problem{{source="{server}"}}') == 0


def test_kea_cleans_up_and_nothing_is_lost(tmp_path: Path) -> None:
    with dhcp.wire(tmp_path) as wire, dhcp.kea(tmp_path) as leases:
        address = wire.lease()
        done = leases.with_name(f"{leases.name}.2")
        eventually(lambda: done.exists() and address in done.read_text())
        eventually(lambda: address not in leases.read_text())  # it is in the older file alone
        changes = config(
            clients={"laptop": {"group": "staff", "ids": [dhcp.DEVICE]}},
            who={"kea": [str(leases)], "neighbours": False},
        )
        with node(tmp_path / "node", changes) as running:
            assert seconds_until_open(wire) < SOON
            until = time.monotonic() + 3
            while time.monotonic() < until:  # cleanups go on
                assert wire.ask("staffroom.example", PORT) == OPEN
            assert running.metric('filterd_who_entries{source="kea"}') == 1


@pytest.fixture
def neighbours(tmp_path: Path) -> Any:
    changes = config(clients={"laptop": {"group": "staff", "ids": [dhcp.DEVICE]}})
    with dhcp.wire(tmp_path) as wire, node(tmp_path / "node", changes) as running:
        for address in ("10.77.0.77/24", "2001:db8:77::77/64"):
            dhcp.do(*wire.inside, "ip", "address", "add", address, "dev", "eth0")
        yield wire, running


def test_neighbours_of_both_families_are_followed(
    neighbours: tuple[dhcp.Wire, RunningNode],
) -> None:
    wire, running = neighbours
    for version in (4, 6):
        assert seconds_until_open(wire, version) < SOON
    shown = running.run("who").stdout
    assert "10.77.0.77" in shown
    assert "2001:db8:77::77" in shown
    assert "devices seen: 1, of these" in shown
    # Another device takes the address: it is not the laptop's any more.
    dhcp.do(*wire.inside, "ip", "link", "set", "eth0", "address", "02:00:00:00:00:48")
    dhcp.do("ip", "neigh", "flush", "dev", "lan0")
    eventually(lambda: wire.ask("staffroom.example", PORT) == BLOCKED, 10)
    assert running.metric("filterd_who_randomised") == 1


def test_radclient_starts_and_stops_a_session(tmp_path: Path) -> None:
    radclient = needs.program("radclient", "freeradius-utils")
    secret = tmp_path / "secret"
    secret.write_text("correct horse battery staple\n")
    secret.chmod(0o600)
    sender = {"address": "127.0.0.1", "secret_file": str(secret)}
    changes = config(
        clients={"head": {"group": "staff", "ids": ["user:head@school.example"]}},
        who={"radius": {"listen": ["127.0.0.1:1813"], "nas": {"ap": sender}}},
    )

    def account(status: str) -> str:
        request = (
            f'Acct-Status-Type = {status}\nAcct-Session-Id = "A1"\n'
            'User-Name = "Head@school.example"\n'
            f'Calling-Station-Id = "{dhcp.DEVICE.upper().replace(":", "-")}"\n'
        )
        done = subprocess.run(
            [radclient, "-x", "-r", "2", "-t", "2", "127.0.0.1:1813", "acct", "-S", str(secret)],
            input=request,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        return done.stdout + done.stderr

    with dhcp.wire(tmp_path) as wire, node(tmp_path / "node", changes) as running:
        dhcp.do(*wire.inside, "ip", "address", "add", "10.77.0.77/24", "dev", "eth0")
        assert wire.ask("staffroom.example", PORT) == BLOCKED
        # No address in the request: the neighbours say where the device is.
        assert "Received Accounting-Response" in account("Start")
        assert seconds_until_open(wire) < SOON
        assert running.metric('filterd_who_entries{source="radius"}') == 1
        assert "Received Accounting-Response" in account("Stop")
        eventually(lambda: wire.ask("staffroom.example", PORT) == BLOCKED, SOON)
        secret.write_text("another secret of enough length\n")
        assert "Received Accounting-Response" not in account("Start")
        assert running.metric('filterd_who_problem{source="radius"}') == 1
