"""RFC 7873 and RFC 9018 against BIND: a real named and a real daemon that share a secret, both of
which answer over UDP only to a client that shows a cookie. What one has given the other accepts.
"""

from collections.abc import Iterator
from pathlib import Path

import dns.edns
import dns.message
import dns.query
import dns.rcode
import pytest

from tests.support.needs import program
from tests.support.node import RunningNode, node
from tests.support.servers import answers_dns, free_port, running

pytestmark = pytest.mark.real

SECRET = "e5e973e5a6b2a43f48e7dc849e37bfcf"
OLDER = "445536bcd2513298075a5d379663c962"
NAME = "here.school.example"
CLIENT = bytes.fromhex("2464c4abcf10c957")


@pytest.fixture(scope="module")
def bind(tmp_path_factory) -> Iterator[int]:
    """Run BIND with the secret; its port."""
    folder = tmp_path_factory.mktemp("bind")
    path, port = program("named", "bind9"), free_port("::1")
    zone = f"$ORIGIN {NAME}.\n$TTL 60\n@ SOA . . 1 60 60 60 60\n@ NS .\n@ A 192.0.2.9\n"
    (folder / "zone").write_text(zone)
    config = f"""
        options {{
          directory "{folder}"; pid-file none; recursion no; dnssec-validation no;
          listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 port {port} {{ ::1; }};
          cookie-algorithm siphash24; cookie-secret "{SECRET}"; require-server-cookie yes;
        }};
        controls {{ }};
        zone "{NAME}" {{ type primary; file "{folder}/zone"; }};
    """
    file = folder / "named.conf"
    file.write_text(config)
    command = [path, "-f", "-n", "1", "-c", str(file)]
    with running(command, folder / "named.log", lambda: answers_dns("127.0.0.1", port, NAME)):
        yield port


def daemon(folder: Path, secret: str, older: str | None = None):
    cookies = {"require": True, "secret_file": "secret"}
    folder.mkdir()
    (folder / "secret").write_text(secret)
    (folder / "secret").chmod(0o600)
    if older is not None:
        cookies["older_secret_file"] = "older"
        (folder / "older").write_text(older)
        (folder / "older").chmod(0o600)
    return node(
        folder,
        {
            "cookies": cookies,
            "records": [f"{NAME} A 192.0.2.9"],
            "upstream": {"servers": [f"127.0.0.1:{free_port()}"]},
        },
    )


@pytest.fixture(scope="module")
def filterd(tmp_path_factory) -> Iterator[RunningNode]:
    with daemon(tmp_path_factory.mktemp("filterd") / "node", SECRET) as one:
        yield one


def ask(host: str, port: int, cookie: bytes) -> tuple[str, bytes]:
    """Return the rcode, and the cookie of the reply."""
    option = dns.edns.GenericOption(dns.edns.OptionType.COOKIE, cookie)
    query = dns.message.make_query(NAME, "A", use_edns=0, options=[option])
    answer = dns.query.udp(query, host, port=port, timeout=5)
    (back,) = (each for each in answer.options if each.otype == dns.edns.OptionType.COOKIE)
    return dns.rcode.to_text(answer.rcode()), back.to_wire()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_cookie_of_one_is_good_at_the_other(bind: int, filterd: RunningNode, host: str) -> None:
    for giver, taker in ((bind, filterd.port), (filterd.port, bind)):
        code, cookie = ask(host, giver, CLIENT)
        assert code == "BADCOOKIE", "it has none yet"
        assert (cookie[:8], len(cookie)) == (CLIENT, 24)
        assert ask(host, taker, cookie) == ("NOERROR", cookie)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_neither_takes_what_was_given_to_another(
    bind: int, filterd: RunningNode, host: str
) -> None:
    other = bytes.fromhex("fc93fc62807ddb86")
    for giver, taker in ((bind, filterd.port), (filterd.port, bind)):
        _, cookie = ask(host, giver, CLIENT)
        code, fresh = ask(host, taker, other + cookie[8:])
        assert code == "BADCOOKIE"
        assert fresh[:8] == other


def test_while_the_secret_is_changed_both_are_good(bind: int, tmp_path: Path) -> None:
    _, cookie = ask("127.0.0.1", bind, CLIENT)
    with daemon(tmp_path / "node", OLDER, SECRET) as one:
        code, fresh = ask("127.0.0.1", one.port, cookie)
        assert code == "NOERROR"
        assert fresh != cookie, "made with the new secret"
        assert ask("127.0.0.1", one.port, fresh) == ("NOERROR", fresh)


def test_dig_learns_a_cookie_and_comes_back(filterd: RunningNode) -> None:
    learnt = filterd.dig(NAME, "A", "+cookie=2464c4abcf10c957")
    assert (learnt.status, learnt.data()) == ("NOERROR", ["192.0.2.9"])
    assert "(good)" in learnt.text
    alone = filterd.dig(NAME, "A", "+cookie=2464c4abcf10c957", "+nobadcookie")
    assert (alone.status, alone.data()) == ("BADCOOKIE", [])
    assert filterd.dig(NAME, "A", "+tcp", "+cookie").status == "NOERROR", "TCP proves it too"
    assert filterd.dig(NAME, "A", "+nocookie").status == "NOERROR", "it knows no cookies"
