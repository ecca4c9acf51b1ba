"""The HTTP filter with real clients, through a running daemon and its workers, against web servers
on loopback that remember who reached them.
"""

import pytest

from tests.support import needs
from tests.support.http_world import BODY, http_filter, site
from tests.support.node import eventually, filterd, node
from tests.support.servers import free_port
from tests.support.tls import make_authority

pytestmark = pytest.mark.real

PUPIL, STAFF, READ = "127.0.0.1", "127.0.0.18", "127.0.0.30"
NAMES = ("open.site.example", "blocked.site.example", "bank.site.example", "ordered.site.example")


@pytest.fixture(scope="module")
def world(tmp_path_factory, resolver):
    python = needs.http_environment()
    folder = tmp_path_factory.mktemp("http")
    authority, proxy = make_authority(folder), free_port()
    (folder / "order.txt").write_text("ordered.site.example\n")
    certificate = authority.issue(*NAMES, "127.0.0.1")
    with site(certificate) as tls, site() as plain:
        changes = config(resolver, python, proxy, (tls, plain), authority)
        with node(folder, changes) as daemon:
            made = filterd("http", "ca", "new", "-c", str(daemon.config))
            assert made.returncode == 0, made.stderr
            eventually((daemon.state / "http/ruling.json").exists)
            with http_filter(folder, proxy) as running:
                yield World(daemon, running, tls, plain, authority)


class World:
    def __init__(self, daemon, running, tls, plain, authority):
        self.daemon, self.filter, self.tls, self.plain = daemon, running, tls, plain
        self.authority = authority
        self.ours = daemon.state / "http/ca/filterd.crt"

    def https(self, name, path="/"):
        return f"https://{name}:{self.tls.port}{path}"

    def http(self, name, path="/"):
        return f"http://{name}:{self.plain.port}{path}"

    def curl(self, url, *words, client=PUPIL, trust=None):
        return self.filter.curl(
            url, "--cacert", str(trust or self.authority.ca_file), *words, client=client
        )


def config(resolver, python, proxy, sites, authority):
    return {
        "upstream": {"servers": [f"127.0.0.1:{resolver.port}"]},
        "records": ["*.site.example A 127.0.0.1"],
        "default_group": "pupils",
        "groups": {
            "pupils": {"age": 10},
            "staff": {"age": 18, "filtered": False, "networks": [f"{STAFF}/32"]},
            "read": {"age": 10, "networks": [f"{READ}/32"]},
        },
        "block": ["blocked.site.example"],
        "lists": {"order": {"format": "domains", "path": "order.txt", "mandatory": True}},
        "http": {
            "listen": {"explicit": [f"127.0.0.1:{proxy}"]},
            "python": python,
            "ports": [each.port for each in sites],
            "never_decrypt": ["bank.site.example"],
            "inspect": {"groups": ["read"], "explain": ["read"]},
            "upstream_ca": str(authority.ca_file),
        },
    }


def test_an_allowed_site_is_spliced(world):
    before = len(world.tls.seen)
    done = world.curl(world.https("open.site.example"))
    # curl trusts the server's own authority alone: nobody stood between.
    assert (done.returncode, done.stdout) == (0, BODY.decode() + "\n200 200"), done.stderr
    assert world.tls.seen[before:] == ["open.site.example"]


def test_a_blocked_site_is_refused_at_connect_and_the_server_never_sees_anybody(world):
    before = len(world.tls.seen)
    done = world.curl(world.https("blocked.site.example"))
    assert done.returncode != 0
    assert done.stdout.endswith("000 403")
    assert len(world.tls.seen) == before


def test_plain_http_is_blocked_with_a_page(world):
    before = len(world.plain.seen)
    done = world.curl(world.http("blocked.site.example"))
    assert done.returncode == 0
    assert done.stdout.startswith("Blocked by")
    assert done.stdout.endswith("\n403 000")
    assert len(world.plain.seen) == before


def test_plain_http_passes(world):
    done = world.curl(world.http("open.site.example"))
    assert done.stdout == BODY.decode() + "\n200 000"


def test_an_order_is_answered_with_451(world):
    done = world.curl(world.http("ordered.site.example"))
    assert done.stdout.endswith("\n451 000")
