"""Hosts in every notation."""

import pytest

from filterd.http.host import NEITHER, Host, read_authority, read_host


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("WWW.Example.com.", Host(name="www.example.com")),
        ("beef.cafe", Host(name="beef.cafe")),
        ("192.0.2.1", Host(address="192.0.2.1")),
        ("0x7f.1", Host(address="127.0.0.1")),
        ("017700000001", Host(address="127.0.0.1")),
        ("2130706433", Host(address="127.0.0.1")),
        ("1.1", Host(address="1.0.0.1")),
        ("192.0.2.1.", Host(address="192.0.2.1")),
        ("[2001:DB8::1]", Host(address="2001:db8::1")),
        ("::ffff:192.0.2.1", Host(address="192.0.2.1")),
        ("fe80::1%eth0", Host(address="fe80::1")),
        ("192.0.2.300", NEITHER),
        ("a..example", NEITHER),
        ("a\x00.example", NEITHER),
        ("", NEITHER),
        (".", NEITHER),
        ("trường.example", NEITHER),
        ("user@www.example.com", NEITHER),
    ],
)
def test_hosts(text, host):
    assert read_host(text) == host


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("www.example.com", (Host(name="www.example.com"), None)),
        ("www.example.com:8443", (Host(name="www.example.com"), 8443)),
        ("[2001:db8::1]:443", (Host(address="2001:db8::1"), 443)),
        ("[2001:db8::1]", (Host(address="2001:db8::1"), None)),
        ("www.example.com:", (Host(name="www.example.com"), None)),
        ("www.example.com:99999", (NEITHER, None)),
        ("www.example.com:80:81", (NEITHER, None)),
        ("www.example.com:²", (NEITHER, None)),
        ("user@www.example.com", (NEITHER, None)),
    ],
)
def test_authorities(text, expected):
    assert read_authority(text) == expected
