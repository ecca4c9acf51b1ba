"""The HTTP filter behind a redirect: the client knows of no proxy, and says where it goes by address
and SNI, which need not agree.
"""

import subprocess

import pytest

from tests.support.gateway import CLIENT, GATEWAY, gateway
from tests.support.http_world import BODY, http_filter, site
from tests.support.node import eventually, node
from tests.support.servers import free_port
from tests.support.tls import make_authority

pytestmark = [pytest.mark.real, pytest.mark.http_core]

OPEN, BLOCKED = "192.0.2.1", "192.0.2.2"
PAGE = BODY.decode()


@pytest.fixture(scope="module")
def behind(tmp_path_factory, http_python):
    folder = tmp_path_factory.mktemp("gateway")
    authority = make_authority(folder)
    certificate = authority.issue("open.site.example", "blocked.site.example")
    port = free_port()
    with (
        gateway(port, OPEN, BLOCKED) as wires,
        site(certificate, (OPEN, 443)) as open_tls,
        site(certificate, (BLOCKED, 443)) as blocked_tls,
        site(None, (OPEN, 80)) as open_plain,
        site(None, (BLOCKED, 80)) as blocked_plain,
        node(folder, config(port, http_python, authority)) as daemon,
    ):
        eventually((daemon.state / "http/ruling.json").exists)
        with http_filter(folder, port):
            sites = {"open": (open_tls, open_plain), "blocked": (blocked_tls, blocked_plain)}
            yield Behind(wires, sites, authority)


class Behind:
    def __init__(self, wires, sites, authority):
        self.wires, self.sites, self.authority = wires, sites, authority

    def curl(self, url, at, *words):
        """Fetch `url` as the client, which believes that its host is at the address `at`."""
        host = url.split("/")[2]
        resolve = [f"{host}:{port}:{at}" for port in (80, 443)]
        return subprocess.run(
            [*self.wires.inside, "curl", "-sS", "--max-time", "10", "-w", "\n%{http_code}",
             "-H", "Accept: text/html",
             "--cacert", str(self.authority.ca_file),
             "--resolve", resolve[0], "--resolve", resolve[1], *words, url],
            capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip


def config(port, python, authority):
    return {
        "upstream": {"servers": ["127.0.0.1:9"]},
        "access": {"networks": [f"{CLIENT}/32", "127.0.0.0/8"]},
        "records": [f"open.site.example A {OPEN}", f"blocked.site.example A {BLOCKED}"],
        "default_group": "pupils",
        "groups": {"pupils": {"age": 10}},
        "block": ["blocked.site.example"],
        "http": {
            "listen": {"transparent": [f"0.0.0.0:{port}"]},
            "python": python,
            "upstream_ca": str(authority.ca_file),
        },
    }


def came(behind, name):
    return [each.came for each in behind.sites[name]]


def test_an_allowed_site_is_spliced(behind):
    done = behind.curl("https://open.site.example/", OPEN)
    assert (done.returncode, done.stdout) == (0, PAGE + "\n200"), done.stderr


def test_a_blocked_sni_is_reset_without_contact(behind):
    before = came(behind, "blocked")
    done = behind.curl("https://blocked.site.example/", BLOCKED)
    assert done.returncode == 35
    assert came(behind, "blocked") == before


def test_plain_http_is_decided_by_its_host(behind):
    before = came(behind, "blocked")
    assert behind.curl("http://open.site.example/", OPEN).stdout == PAGE + "\n200"
    done = behind.curl("http://blocked.site.example/", BLOCKED)
    assert "<!doctype html>" in done.stdout[:20].lower()
    assert done.stdout.endswith("\n403")
    assert came(behind, "blocked") == before


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_allowed_name_at_the_address_of_a_blocked_site_reaches_the_allowed_site(behind, scheme):
    before, reached = came(behind, "blocked"), sum(came(behind, "open"))
    done = behind.curl(f"{scheme}://open.site.example/", BLOCKED)
    assert (done.returncode, done.stdout) == (0, PAGE + "\n200"), done.stderr
    assert came(behind, "blocked") == before
    assert sum(came(behind, "open")) == reached + 1


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_name_is_no_way_in(behind, scheme):
    before = came(behind, "open")
    done = behind.curl(f"{scheme}://{OPEN}/", OPEN, "-k")
    assert done.stdout.endswith("\n403" if scheme == "http" else "\n000")
    assert came(behind, "open") == before


def test_what_is_neither_tls_nor_http_goes_nowhere(behind):
    before = came(behind, "open")
    script = (
        f"exec 3<>/dev/tcp/{OPEN}/443; printf '\\1\\2\\3\\4\\5\\6\\7\\n' >&3; timeout 5 cat <&3"
    )
    done = subprocess.run(
        [*behind.wires.inside, "bash", "-c", script], capture_output=True, timeout=20, check=False
    )
    assert done.stdout == b""
    assert came(behind, "open") == before


def test_the_gateway_itself_is_no_way_round(behind):
    done = behind.curl("https://open.site.example/", GATEWAY)
    assert (done.returncode, done.stdout) == (0, PAGE + "\n200"), done.stderr
