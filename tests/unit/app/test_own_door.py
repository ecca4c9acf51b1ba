"""What stands before a question of ours at a door that believes proxies."""

import pytest

from filterd.app.own_door import LOCAL, preface, reachable
from filterd.core import Proxies
from tests.support import proxy


@pytest.mark.parametrize(
    ("source", "proxies", "begins"),
    [
        ("127.0.0.1", (), b""),
        ("127.0.0.1", ("192.0.2.0/24", "::1/128"), b""),
        ("127.0.0.1", ("127.0.0.0/8",), LOCAL),
        ("::1", ("127.0.0.0/8", "::1/128"), LOCAL),
        ("fe80::1%lo", ("fe80::/10",), LOCAL),
    ],
)
def test_only_whoever_counts_as_a_proxy_needs_a_header(source, proxies, begins):
    assert preface(source, proxies) == begins


def test_it_is_what_the_core_reads_as_the_proxys_own():
    assert proxy.LOCAL == LOCAL
    assert Proxies(["192.0.2.1"]).enter("192.0.2.1", LOCAL, 0, True) == ("192.0.2.1", len(LOCAL))


def test_a_door_on_all_addresses_is_asked_on_loopback():
    assert [reachable(host) for host in ("0.0.0.0", "::", "192.0.2.1")] == [
        "127.0.0.1",
        "::1",
        "192.0.2.1",
    ]
