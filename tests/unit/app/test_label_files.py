"""Label files are fetched from real TLS servers, and from few."""

import asyncio
import gzip
import socket

import pytest

from filterd.app.label_files import fetch_files, is_public, label_client, trusted
from filterd.http.labels.looking import Look
from tests.support import needs
from tests.support.label_site import Said, label_site, own_address
from tests.support.tls import make_authority

SERVER = own_address(92)
HOST, WELL, XML = "a.example", "/.well-known/age-label.json", "/age.xml"
T16 = b'{"version": 1, "label": "film:T16"}'


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    needs.low_port(SERVER, 443)
    return make_authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def certificate(authority):
    return authority.issue(HOST)


async def resolve(_host):
    return [SERVER]


def fetched(authority, *paths, host=HOST, **how):
    look = Look(host, paths or (WELL,), **how)

    async def run():
        async with label_client(resolve, trusted(str(authority.ca_file)), look.seconds) as client:
            return await fetch_files(client, look)

    return asyncio.run(run())


def test_a_file_is_read_over_a_verified_connection_without_anything_of_a_client(
    authority, certificate
):
    said = Said(body=T16, headers=(("Set-Cookie", "who=1; Path=/"),))
    with label_site(certificate, {HOST + WELL: said}, (SERVER, 443)) as asked:
        (label,) = fetched(authority, WELL, XML)
    assert label.default.min_age == 16
    assert asked.lines == [HOST + WELL, HOST + XML]
    assert not any({"cookie", "referer", "authorization"} & set(each) for each in asked.headers)
    assert asked.headers[0]["user-agent"] == "filterd"


def test_a_certificate_of_another_name_or_authority_is_no_answer(authority, certificate, tmp_path):
    with label_site(certificate, {HOST + WELL: Said(body=T16)}, (SERVER, 443)) as asked:
        assert fetched(authority, host="other.example") is None
        assert fetched(make_authority(tmp_path)) is None
    assert asked.lines == []


@pytest.mark.parametrize(
    ("to", "found"),
    [
        ("/label.json", 1),
        (f"https://{HOST}/label.json", 1),
        ("https://b.example/label.json", 0),
        (f"http://{HOST}/label.json", 0),
        (f"https://{HOST}:8443/label.json", 0),
        (WELL, 0),  # in a circle
    ],
)
def test_a_redirect_is_followed_on_the_same_host_alone(authority, certificate, to, found):
    files = {
        HOST + WELL: Said(302, headers=(("Location", to),)),
        f"{HOST}/label.json": Said(body=T16),
        "b.example/label.json": Said(body=T16),
    }
    with label_site(certificate, files, (SERVER, 443)) as asked:
        assert len(fetched(authority)) == found
    assert all(each.startswith(HOST) for each in asked.lines)
    assert len(asked.lines) <= 3


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (Said(404), ()),
        (Said(403), ()),
        (Said(429), None),
        (Said(503), None),
        (Said(204), ()),
        (Said(body=b"<!doctype html>a page for any path"), ()),
        (Said(body=T16 + b" " * 70_000), ()),
        (Said(body=gzip.compress(T16 + b" " * 10**7), headers=(("Content-Encoding", "gzip"),)), ()),
        (Said(body=T16, headers=(("Content-Encoding", "br"),)), ()),
    ],
)
def test_what_is_no_file_and_what_is_no_answer(authority, certificate, said, found):
    with label_site(certificate, {HOST + WELL: said}, (SERVER, 443)):
        assert fetched(authority) == found


def test_a_file_that_is_sent_packed_is_unpacked(authority, certificate):
    said = Said(body=gzip.compress(T16), headers=(("Content-Encoding", "gzip"),))
    with label_site(certificate, {HOST + WELL: said}, (SERVER, 443)):
        assert len(fetched(authority)) == 1


def test_a_host_that_says_nothing_is_given_up(authority):
    with socket.create_server((SERVER, 443)):
        assert fetched(authority, seconds=0.3) is None


def test_a_host_without_an_address_is_not_asked(authority):
    async def run():
        async def nowhere(_host):
            return []

        async with label_client(nowhere, trusted(str(authority.ca_file)), 1.0) as client:
            return await fetch_files(client, Look(HOST, (WELL,)))

    assert asyncio.run(run()) is None


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("1.1.1.1", True),
        ("2606:4700::1111", True),
        ("10.0.0.1", False),
        ("127.0.0.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("0.0.0.0", False),
        ("::1", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:192.168.0.1", False),
        ("64:ff9b::c0a8:1", False),
        ("64:ff9b::101:101", True),
        ("2002:0a00:0001::", False),
    ],
)
def test_which_addresses_are_public(address, public):
    assert is_public(address) is public
