"""What the HTTP filter sees of going round it, behind a redirect: hellos as clients send them."""

import json
import subprocess
import sys

import pytest

from tests.e2e.test_bypass import not_at_an_hour
from tests.support.gateway import CLIENT, GATEWAY, gateway
from tests.support.hellos import hello, outer_ech, records, server_name
from tests.support.http_world import http_filter
from tests.support.node import eventually, node
from tests.support.servers import free_port
from tests.support.tls import make_authority
from tests.support.unbound import unbound

pytestmark = pytest.mark.real

THERE, ELSEWHERE = "192.0.2.1", "192.0.2.7"  # the first is www.example.com's
NAMES = (
    'local-zone: "example.com." static',
    f'local-data: "www.example.com. 300 IN A {THERE}"',
    'local-data: "other.example.com. 300 IN A 192.0.2.2"',
)
SEND = """
import socket, sys, time
streams = [socket.create_connection((sys.argv[1], 443), timeout=10) for _ in sys.argv[2:]]
for stream, said in zip(streams, sys.argv[2:]):
    stream.sendall(bytes.fromhex(said))
time.sleep(1)
"""


@pytest.fixture(scope="module")
def behind(tmp_path_factory, http_python):
    folder = tmp_path_factory.mktemp("gateway")
    authority, port = make_authority(folder), free_port()
    with (
        gateway(port, THERE, ELSEWHERE) as wires,
        unbound(folder / "unbound", None, *NAMES) as resolver,
    ):
        doors = [f"{GATEWAY}:53", "127.0.0.1:53"]
        config = {
            "listen": {"udp": doors, "tcp": doors},
            "upstream": {"servers": [f"udp://127.0.0.1:{resolver.port}"]},
            "default_group": "pupils",
            "groups": {"pupils": {"age": 10}},
            "http": {
                "listen": {"transparent": [f"0.0.0.0:{port}"]},
                "python": http_python,
                "upstream_ca": str(authority.ca_file),
                "workers": 1,
            },
        }
        with node(folder, config) as daemon:
            eventually((daemon.state / "http/ruling.json").exists)
            with http_filter(folder, port):
                yield Behind(wires, daemon)


class Behind:
    def __init__(self, wires, daemon):
        self.wires, self.daemon = wires, daemon

    def greet(self, name, address, *, ech=False, times=6):
        """Begin TLS connections as the client does."""
        extensions = [server_name(name)] + ([outer_ech()] if ech else [])
        said = [records(hello(*extensions)).hex() for _ in range(times)]
        words = [*self.wires.inside, sys.executable, "-c", SEND, address, *said]
        subprocess.run(words, check=True, timeout=30)

    def resolve(self, name):
        words = [*self.wires.inside, "dig", "+short", f"@{GATEWAY}", name]
        done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=20)
        return done.stdout.split()

    def told(self):
        done = self.daemon.run("bypass", "status", "--json")
        return {each["signal"]: each["day"] for each in json.loads(done.stdout)["signals"]}


def test_a_resolved_name_is_no_sign_nor_is_grease(behind):
    assert behind.resolve("www.example.com") == [THERE]
    behind.greet("www.example.com", THERE, ech=True)
    behind.greet("www.example.com", ELSEWHERE, ech=True)  # an old address of a name asked for
    assert eventually(lambda: behind.daemon.metric("filterd_http_connections_total") >= 12)
    assert behind.told() == {}


@pytest.mark.parametrize(
    ("signal", "name", "ech"),
    [
        ("sni", "other.example.com", False),
        ("tor", "www.q2wertyuiop.com", False),  # a name that Tor made up, which nobody has
        ("ech", "cloudflare-ech.com", True),
        ("doh", "dns.google", False),
    ],
)
def test_each_is_told_by_its_group_alone(behind, signal, name, ech):
    not_at_an_hour()
    before = behind.told()
    assert signal not in before
    behind.greet(name, ELSEWHERE, ech=ech)
    assert eventually(lambda: behind.told() == before | {signal: 6}, 20)
    assert CLIENT not in behind.daemon.log + (behind.daemon.folder / "http.log").read_text()
