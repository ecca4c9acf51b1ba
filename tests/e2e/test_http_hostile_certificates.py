"""Servers whose certificate is not theirs: nobody accepts it for a client that cannot see it."""

import subprocess
from contextlib import ExitStack

import pytest

from tests.support import needs
from tests.support.filtered import READ
from tests.support.hostile_world import OPEN, hostile
from tests.support.raw_http import read, status, upstream
from tests.support.tls import make_authority

pytestmark = pytest.mark.real
EVIL = b"<b>evil</b>"


def self_signed(folder):
    """A certificate of a real program, right in everything but who vouches for it."""
    key, certificate = folder / "self.key", folder / "self.pem"
    subprocess.run(
        [needs.program("openssl", "openssl"), "req", "-x509", "-newkey", "ec",
         "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-keyout", str(key),
         "-out", str(certificate), "-subj", f"/CN={OPEN}", "-addext", f"subjectAltName=DNS:{OPEN}"],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


@pytest.fixture(scope="module")
def liars(tmp_path_factory, http_python):
    """The filter, and TLS servers by what is wrong with their certificate."""
    folder, other = tmp_path_factory.mktemp("liars"), tmp_path_factory.mktemp("other")
    authority = make_authority(folder)
    issued = {
        "other name": lambda: authority.issue("another.example"),
        "name above": lambda: authority.issue("site.example"),
        "wildcard too high": lambda: authority.issue("*.example"),
        "expired": lambda: authority.issue(OPEN, days=(-20, -10)),
        "not yet": lambda: authority.issue(OPEN, days=(10, 20)),
        "unknown issuer": lambda: make_authority(other).issue(OPEN),
        "self-signed": lambda: self_signed(other),
    }
    with ExitStack() as stack:
        # A server has read its files before the next are written.
        servers = {each: stack.enter_context(upstream(issue())) for each, issue in issued.items()}
        ports = [each.port for each in servers.values()]
        yield (
            stack.enter_context(hostile(folder, http_python, *ports, authority=authority)),
            servers,
        )


KINDS = ("other name", "name above", "wildcard too high", "expired", "not yet", "unknown issuer",
         "self-signed")  # fmt: skip


@pytest.mark.http_core
@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_certificate_is_never_accepted_for_the_client(liars, kind):
    """RFC 9110 section 4.3.4 and RFC 9525: who cannot be verified is not asked anything; the client,
    which cannot see the certificate, is told (502), and gets no content.
    """
    enemy, servers = liars
    server = servers[kind]
    with server.answering(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(EVIL), EVIL)):
        with enemy.inside(OPEN, READ, port=server.port) as connection:
            place = f"{OPEN}:{server.port}"
            connection.sendall(
                f"GET / HTTP/1.1\r\nHost: {place}\r\nAccept: text/html\r\n\r\n".encode()
            )
            said = read(connection, lambda said: b"</html>" in said, 5)
        # The same over https in absolute form, which the filter has to verify alike.
        line = f"GET https://{place}/ HTTP/1.1\r\nHost: {place}\r\nConnection: close\r\n\r\n"
        plainly = enemy.send(line.encode())
        assert server.seen == b""
    assert (status(said), status(plainly)) == (502, 502)
    assert EVIL not in said + plainly


def test_a_good_certificate_is_accepted(liars):
    """The others are not refused for something else."""
    enemy, _ = liars
    with enemy.inside() as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {OPEN}:{enemy.tls.port}\r\n\r\n".encode())
        assert status(read(connection, lambda said: said.endswith(b"yes"), 5)) == 200
