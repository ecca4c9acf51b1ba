"""The beginning of TLS: hellos that are split, odd, double or hidden, and HTTP/2.

A tunnel leads to a server that keeps bytes, so a hello that may go on is seen there as it was sent,
and one that may not is not seen at all.
"""

import secrets
import socket
import ssl
import subprocess
import time

import pytest

from tests.support import needs
from tests.support.filtered import PUPIL, READ
from tests.support.hellos import (
    GREASE,
    extension,
    hello,
    outer_ech,
    real,
    records,
    server_name,
    vector,
)
from tests.support.hostile_world import BLOCKED, OPEN, OTHER
from tests.support.node import eventually
from tests.support.raw_http import read, status

pytestmark = pytest.mark.real
H2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"


def sent(enemy, data, *, pieces=None, tunnel=OPEN, client=PUPIL):
    """Send a hello into a tunnel; return what the server saw of it, b"" where it was ended."""
    enemy.forget()
    with enemy.tunnel(tunnel, client, enemy.plain.port) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for at in range(0, len(data), pieces or len(data)):
                raw.sendall(data[at : at + (pieces or len(data))])
                if pieces:
                    time.sleep(0.001)
            raw.settimeout(2)
            eventually(lambda: len(enemy.plain.seen) == len(data) or over(raw), 10)
        except ConnectionError:
            return enemy.plain.seen
    return enemy.plain.seen


def over(raw):
    """Whether the other end is gone."""
    raw.setblocking(False)
    try:
        return raw.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        raw.setblocking(True)


SPLITS = {
    "one record": (16384, None),
    "records of 40": (40, None),
    "records of one": (1, None),
    "segments of 7": (16384, 7),
    "records of 50 in segments of 3": (50, 3),
}


@pytest.mark.http_core
@pytest.mark.parametrize("how", SPLITS)
def test_a_split_hello_is_read_whole_and_goes_on_as_it_was(enemy, how):
    """RFC 8446 section 5.1: a handshake message may be split over records, and TCP has no message
    borders at all.
    """
    size, pieces = SPLITS[how]
    for name, passes in ((OPEN, True), (BLOCKED, False)):
        data = records(hello(server_name(name)), size)
        assert sent(enemy, data, pieces=pieces) == (data if passes else b"")


@pytest.mark.http_core
def test_grease_is_passed_over(enemy):
    """RFC 8701: values that mean nothing, in ciphers and extensions, before and behind the name."""
    for name, passes in ((OPEN, True), (BLOCKED, False)):
        odd = (extension(GREASE, b""), server_name(name), extension(0x2A2A, b"\x00"))
        data = records(hello(*odd, ciphers=(0x0A0A, 0x1301)))
        assert sent(enemy, data) == (data if passes else b"")


@pytest.mark.http_core
def test_a_hidden_name_is_decided_by_the_one_outside(enemy):
    """RFC 9849 section 6.1: the outer hello names the server that can open it. What is inside cannot
    be seen here; that such a connection comes to be is prevented in DNS, which gives no keys.
    """
    for name, passes in ((OPEN, True), (BLOCKED, False)):
        data = records(hello(server_name(name), outer_ech()))
        assert sent(enemy, data) == (data if passes else b"")
    answer = enemy.daemon.ask(OPEN, "HTTPS")
    assert not answer.answer


def test_a_hidden_name_is_not_opened_where_it_is_inspected(enemy):
    """RFC 9849 section 6.1.6: a server that cannot open it goes on with the outer hello, and the
    client then knows that it was refused; here the handshake is our own.
    """
    enemy.forget()
    # Who breaks off a handshake is taken for one that trusts one certificate only, for this name.
    with enemy.tunnel(OTHER, READ) as raw:
        raw.sendall(records(hello(server_name(OTHER), outer_ech())))
        assert read(raw, lambda said: len(said) > 5)[:1] == b"\x16"
    assert enemy.tls.streams == []


@pytest.mark.http_core
@pytest.mark.parametrize(
    "extensions",
    [
        (server_name(OPEN), server_name(BLOCKED)),
        (server_name(BLOCKED), server_name(OPEN)),
        (extension(0, vector(2, b"\x00" + vector(2, OPEN.encode()) + b"\x00" + vector(2, BLOCKED.encode()))),),
        (server_name(OPEN.encode() + b"\x00." + BLOCKED.encode()),),
        (server_name(b"bl\xc3\xb6cked.example"),),
        (server_name(b" " + OPEN.encode()),),
        (server_name(b""),),
        (extension(0, b"\x00\xff\x00"),),
        (extension(16, b"\x00\x05\x02h2"), server_name(OPEN)),
    ],
)  # fmt: skip
def test_a_hello_that_says_two_things_or_nothing_is_ended(enemy, extensions):
    """RFC 8446 section 4.2: no extension twice; RFC 6066 section 3: one ASCII name of a kind."""
    assert sent(enemy, records(hello(*extensions))) == b""


def test_names_are_read_in_any_case_and_addresses_are_none(enemy):
    """RFC 4343; RFC 6066 section 3: literal addresses are not permitted as a name."""
    assert sent(enemy, records(hello(server_name(BLOCKED.upper())))) == b""
    data = records(hello(server_name(OPEN.upper())))
    assert sent(enemy, data) == data


@pytest.mark.http_core
def test_without_a_name_the_tunnel_says_where_it_goes(enemy):
    """RFC 6066 section 3: a client may leave the name out. It reaches what CONNECT named, by our own
    DNS, and nothing else.
    """
    data = records(hello())
    assert sent(enemy, data) == data
    said = enemy.send(f"CONNECT {BLOCKED}:{enemy.plain.port} HTTP/1.1\r\n\r\n".encode())
    assert status(said) == 403


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x00\x00",  # an empty record
        b"\x16\x03\x01\xff\xff" + bytes(65535),  # a record that is too long
        b"\x16\x03\x01\x00\x04\x01\xff\xff\xff" + b"\x16\x03\x01\x40\x00" + bytes(16384),
        b"\x15\x03\x01\x00\x02\x02\x28",  # an alert
        b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00",  # another handshake message
        b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10" + bytes(40),  # SSL 2
        b"SSH-2.0-OpenSSH_9.9\r\n",
        secrets.token_bytes(300),
    ],
)
def test_what_is_no_hello_reaches_no_server(enemy, data):
    """RFC 8446 section 5.1: lengths of records; who speaks something else in a tunnel is ended, or
    waited for no longer than patience lasts (`test_http_hostile_bounds.py`).
    """
    enemy.forget()
    with enemy.tunnel(OPEN, PUPIL, enemy.plain.port) as raw:
        try:
            raw.sendall(data)
            read(raw, seconds=0.7)
        except (TimeoutError, ConnectionError):
            pass
    assert enemy.plain.seen == b""
    assert enemy.alive()


@pytest.mark.http_core
def test_http_2_is_not_spoken_where_it_is_inspected(enemy):
    """RFC 7301 section 3.2: the server chooses; HTTP/1.1 is chosen, so there are no streams for other
    hosts (RFC 9113 section 9.1.1). Who speaks HTTP/2 all the same is ended.
    """
    with enemy.inside(alpn=["h2", "http/1.1"]) as connection:
        assert connection.selected_alpn_protocol() == "http/1.1"
    enemy.forget()
    with enemy.inside(alpn=["h2"]) as connection:
        assert connection.selected_alpn_protocol() is None
        connection.sendall(H2)
        connection.settimeout(5)
        assert status(read(connection)) in {0, 400}
    assert enemy.tls.seen == b""


@pytest.mark.http_core
def test_a_blocked_host_cannot_ride_on_an_allowed_ones_connection(enemy):
    """RFC 9110 section 15.5.20 and RFC 9113 section 9.1.1: one connection, several hosts of one
    certificate. Each request is decided with its SNI; and a blocked name has no address in our
    DNS, without which no browser reuses a connection that was spliced.
    """
    enemy.forget()
    with enemy.inside() as connection:
        for host, expected in ((OPEN, 200), (BLOCKED, 403), (OTHER, 200)):
            connection.sendall(f"GET / HTTP/1.1\r\nHost: {host}:{enemy.tls.port}\r\n\r\n".encode())
            said = read(connection, lambda said: said.endswith((b"yes", b">\n", b"}\n")), 5)
            assert status(said) == expected, (host, said[:300])
            if expected == 403:
                break
    assert BLOCKED.encode() not in enemy.tls.seen
    addresses = [str(each) for rrset in enemy.daemon.ask(BLOCKED).answer for each in rrset]
    assert "127.0.0.1" not in addresses


def test_the_real_openssl_is_spliced_and_ended(enemy):
    """A whole handshake of another program, to an allowed and to a blocked name."""
    openssl = needs.program("openssl", "openssl")
    for name, code in ((OPEN, 0), (BLOCKED, 1)):
        done = subprocess.run(
            [openssl, "s_client", "-proxy", f"127.0.0.1:{enemy.proxy}", "-connect",
             f"{OPEN}:{enemy.tls.port}", "-servername", name, "-verify_return_error",
             "-CAfile", str(enemy.authority.ca_file), "-alpn", "h2,http/1.1", "-brief"],
            input="", capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stderr


def test_a_tunnel_for_one_name_and_a_hello_for_another_go_to_the_hello(enemy):
    """Both are allowed; the certificate is for both names, and the client gets what it asked for."""
    context = ssl.create_default_context(cafile=str(enemy.authority.ca_file))
    with context.wrap_socket(enemy.tunnel(OPEN), server_hostname=OTHER) as connection:
        assert connection.version()
    assert sent(enemy, real(BLOCKED)) == b""


def test_after_all_of_this_it_serves_and_its_log_holds_no_fault(enemy):
    assert enemy.alive()
    assert "Traceback" not in enemy.filter.log
