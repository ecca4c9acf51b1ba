"""RFC 9460: HTTPS and SVCB records, as they are inspected."""

import pytest

from tests.support.dnsclient import data_of

ECH = "ech=AAj+DQAEAAAAAA=="
CONFIG = """\
default_group: pupils
groups:
  pupils: {age: 10, networks: [127.0.0.3/32]}
  staff: {age: 18, networks: [127.0.0.18/32], bypass_protection: false, safe_search: false}
block: [bad.example.com]
lists: {addresses: {format: rpz, path: addresses, zone: rpz.example}}
"""
LISTS = {"addresses": "@ SOA n. h. 1 2 3 4 5\n32.66.2.0.192.rpz-ip CNAME .\n"}
LINES = [
    f"www.example.com HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.1 {ECH}",
    "alias.example.com HTTPS 0 bad.example.com.",
    "moved.example.com HTTPS 1 bad.example.com. alpn=h2",
    "hint.example.com HTTPS 1 . alpn=h2 ipv4hint=192.0.2.66",
    "plain.example.com HTTPS 1 . alpn=h2 port=8443",
    f"_dns.example.com SVCB 1 other.example.com. alpn=dot {ECH}",
]
PUPIL, STAFF = "127.0.0.3", "127.0.0.18"


@pytest.fixture
def one(desk):
    return desk(CONFIG, LINES, lists=LISTS)


def test_2_2_parameters_but_ech_stay_for_pupils(one):
    (data,) = data_of(one.ask("www.example.com", "HTTPS", PUPIL))
    assert "ech" not in data
    assert 'alpn="h2,h3"' in data
    assert "ipv4hint" in data


def test_ech_stays_for_staff(one):
    (data,) = data_of(one.ask("www.example.com", "HTTPS", STAFF))
    assert "ech=" in data


def test_2_4_2_alias_mode_to_a_blocked_name(one):
    assert data_of(one.ask("alias.example.com", "HTTPS", PUPIL)) == []


def test_2_4_3_service_mode_at_a_blocked_name(one):
    assert data_of(one.ask("moved.example.com", "HTTPS", PUPIL)) == []


def test_7_3_hints_with_a_blocked_address_do_not_pass(one):
    assert "192.0.2.66" not in " ".join(data_of(one.ask("hint.example.com", "HTTPS", PUPIL)))


def test_what_needs_no_change_comes_as_it_was(one):
    (data,) = data_of(one.ask("plain.example.com", "HTTPS", PUPIL))
    assert data == '1 . alpn="h2" port="8443"'


def test_svcb_is_treated_alike(one):
    (data,) = data_of(one.ask("_dns.example.com", "SVCB", PUPIL))
    assert data == '1 other.example.com. alpn="dot"'
