"""Real programs around the real daemon. One Unbound with every name the tests ask for."""

import os

import pytest

from tests.support import needs
from tests.support.hostile_world import hostile
from tests.support.tls import make_authority
from tests.support.unbound import unbound

# Unbound answers these itself; it asks nobody (there is no network in most places this runs).
ZONES = (
    "example.com",
    "example.net",
    "example.org",
    "youtube.com",
    "google.com",
    "chinhphu.vn",
    "school.example",
)
RECORDS = (
    "www.example.com. 300 IN A 192.0.2.1",
    "www.example.com. 300 IN AAAA 2001:db8::1",
    "other.example.com. 300 IN A 192.0.2.2",
    "bad.example.com. 300 IN A 192.0.2.66",
    "below.bad.example.com. 300 IN A 192.0.2.67",
    "games.example.com. 300 IN A 192.0.2.68",
    "cloak.example.com. 300 IN CNAME bad.example.com.",
    "chain.example.com. 300 IN CNAME www.example.com.",
    "rebind.example.com. 300 IN A 10.1.2.3",
    "intranet.example.com. 300 IN A 10.1.2.4",
    "home.example.net. 300 IN A 198.51.100.7",
    "safe.example.org. 3600 IN A 192.0.2.99",
    "forcesafesearch.google.com. 300 IN A 192.0.2.98",
    "www.google.com. 300 IN A 192.0.2.97",
    "restrict.youtube.com. 300 IN A 192.0.2.96",
    "www.youtube.com. 300 IN A 192.0.2.95",
    "lab.school.example. 300 IN A 192.0.2.50",
    "chinhphu.vn. 300 IN A 192.0.2.94",
    "ech.example.com. 300 IN HTTPS 1 . alpn=h2 ipv4hint=192.0.2.9 ech=AAj+DQAEAAAAAA==",
)
LARGE = tuple(f"large.example.com. 300 IN TXT {letter * 200}" for letter in "abcdefghijklmnopqrst")


def pytest_generate_tests(metafunc):
    """Run a test of the HTTP filter in `.venv-http`; and in `.venv-http-new` what is marked as core,
    or all (`make http-test-all`).
    """
    if "http_python" in metafunc.fixturenames:
        everything = os.environ.get("FILTERD_HTTP_TESTS") == "all"
        both = everything or metafunc.definition.get_closest_marker("http_core") is not None
        names = [".venv-http", ".venv-http-new"] if both else [".venv-http"]
        metafunc.parametrize("http_python", names, indirect=True, scope="module")


@pytest.fixture(scope="module")
def http_python(request):
    """The interpreter of the HTTP filter's environment that the test is run in."""
    return needs.http_environment(request.param)


@pytest.fixture(scope="module")
def enemy(tmp_path_factory, http_python):
    """The HTTP filter in front of servers that the test commands."""
    with hostile(tmp_path_factory.mktemp("hostile"), http_python) as world:
        yield world


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return make_authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def resolver(tmp_path_factory, authority):
    lines = (
        *(f'local-zone: "{zone}." static' for zone in ZONES),
        *(f'local-data: "{record}"' for record in (*RECORDS, *LARGE)),
    )
    certificate = authority.issue("dns.example.test", "127.0.0.1")
    with unbound(tmp_path_factory.mktemp("unbound"), certificate, *lines) as running:
        yield running
