"""Where a request ends: filter and server never see two different ones.

Everything is sent byte by byte to a running filter; the server behind it keeps each byte. Either the
filter refuses (400, and the server sees nothing), or what the server sees has one reading for the
strictest reader (`raw_http.heads`), and holds no request that was not decided.
"""

import pytest

from tests.support.hostile_world import BLOCKED
from tests.support.raw_http import heads, status

pytestmark = pytest.mark.real

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: " + BLOCKED.encode() + b"\r\n\r\n"
CHUNKED = "Transfer-Encoding: chunked"


def chunked(body):
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def refused(enemy, data, statuses=frozenset({400})):
    """Whether it was refused with one of `statuses`, and nothing reached the server."""
    enemy.forget()
    said = enemy.send(data, seconds=5)
    assert enemy.plain.seen == b""
    assert HIDDEN[:11] not in said
    return status(said) in statuses


@pytest.mark.http_core
@pytest.mark.parametrize(
    ("fields", "body"),
    [
        (("Content-Length: 6", CHUNKED), b"0\r\n\r\n" + HIDDEN),  # CL.TE
        ((CHUNKED, "Content-Length: 4"), chunked(HIDDEN)),  # TE.CL
        ((CHUNKED, "Transfer-Encoding: identity"), chunked(HIDDEN)),  # TE.TE
        ((CHUNKED, CHUNKED), chunked(HIDDEN)),
        (("Transfer-Encoding: xchunked",), chunked(HIDDEN)),
        (("Transfer-Encoding: chunked, identity",), chunked(HIDDEN)),
        (("Transfer-Encoding : chunked",), chunked(HIDDEN)),
        (("Transfer-Encoding\t: chunked",), chunked(HIDDEN)),
        (("Transfer\0Encoding: chunked",), chunked(HIDDEN)),
    ],
)
def test_two_framings_are_none(enemy, fields, body):
    """RFC 9112 section 6.1: a coding that is not understood, or both a coding and a length, may be
    smuggling; section 5.1: no whitespace before the colon, 400.
    """
    assert refused(enemy, enemy.head(*fields, method="POST") + body)


@pytest.mark.parametrize("version", ["1.0", "2.0", "3.0", "1.2", "9.9"])
def test_a_coding_is_for_http_1_1_alone(enemy, version):
    """RFC 9112 section 6.1: HTTP/1.0 has no codings; section 2.3: no other version is spoken here."""
    head = enemy.head(CHUNKED, method="POST").replace(b"HTTP/1.1", f"HTTP/{version}".encode())
    assert refused(enemy, head + chunked(HIDDEN), {400, 505})


@pytest.mark.http_core
@pytest.mark.parametrize(
    "fields",
    [
        ("Content-Length: 3", "Content-Length: 40"),
        ("Content-Length: 3", "Content-Length: 3"),
        *((f"Content-Length: {size}",) for size in ("3, 3", "+3", "-1", "0x3", "03", "3 3", "")),
        ("Content-Length: ٣",),
    ],
)
def test_a_length_is_one_number(enemy, fields):
    """RFC 9112 section 6.3 rule 5: an invalid length is an error that ends the connection, 400. An
    empty one may be none: then there is no body, and what follows is a request of its own.
    """
    head = "\r\n".join(["", *fields, "", ""]).encode()
    data = enemy.head(method="POST").removesuffix(b"\r\n\r\n") + head + HIDDEN
    if fields != ("Content-Length: ",):
        assert refused(enemy, data)
        return
    enemy.forget()
    enemy.send(data, seconds=5)
    assert b"/hidden" not in enemy.plain.seen


@pytest.mark.http_core
@pytest.mark.parametrize(
    "bad",
    [
        b"X-A: a\r\n Transfer-Encoding: chunked",
        b"X-A: a\r\n\tb",
        b"X-A: a\rTransfer-Encoding: chunked",
        b"X-A: a\0b",
        b"X\rA: b",
        b"X-A",
        b": b",
        b"X A: b",
        b"X-\xc3\xa9: b",
    ],
)
def test_a_field_is_one_line_without_a_break_or_a_nul(enemy, bad):
    """RFC 9112 section 2.2: a bare CR is invalid; section 5.2: a folded line is refused; RFC 9110
    section 5.5: CR, LF and NUL in a value are refused; section 5.1: a name is a token.
    """
    data = enemy.head().replace(b"\r\n\r\n", b"\r\n" + bad + b"\r\n\r\n")
    assert refused(enemy, data)


@pytest.mark.parametrize(
    "line",
    [
        b"GET",
        b"GET /",
        b"GET http://%s/ HTTP/1.1 HTTP/1.1",
        b"G\0T http://%s/ HTTP/1.1",
        b"G@T http://%s/ HTTP/1.1",
        b"GET  HTTP/1.1",
        b"GET http://%s/ HTTP/11",
        b"GET http://%s/ FTP/1.1",
        b"GET ftp://%s/ HTTP/1.1",
        b"GET javascript://%s/ HTTP/1.1",
        b"\0\1\2\3",
        b"PRI * HTTP/2.0",
        b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10",  # a hello of SSL 2
        b"<script>alert(1)</script>",
    ],
)
def test_a_first_line_is_three_words(enemy, line):
    """RFC 9112 section 3: an invalid request line is answered with 400; RFC 9113 section 3.4: who
    does not speak HTTP/2 ends the connection at its preface.
    """
    site = f"open.site.example:{enemy.plain.port}".encode()
    line = line.replace(b"%s", site)
    assert refused(enemy, line + b"\r\nHost: " + site + b"\r\n\r\n", {400, 403, 0})


def test_line_ends_that_are_lenient_are_made_strict(enemy):
    """RFC 9112 section 2.2: a single LF may end a line; the server is sent CR LF only, so a field
    behind a LF is one for it as well as for the filter.
    """
    enemy.forget()
    assert status(enemy.send(enemy.head("X-A: b").replace(b"\r\n", b"\n"))) == 200
    data = enemy.head(f"X-A: b\n{CHUNKED}", method="POST")
    assert status(enemy.send(data + chunked(HIDDEN))) == 200
    found = heads(enemy.plain.seen)
    assert len(found) == 2
    assert CHUNKED.encode() in found[1]


@pytest.mark.http_core
def test_a_body_that_looks_like_a_request_stays_a_body(enemy):
    """RFC 9112 section 6: a method says nothing of where a body ends."""
    for method, fields, body in (
        ("GET", (f"Content-Length: {len(HIDDEN)}",), HIDDEN),
        ("POST", (CHUNKED,), chunked(HIDDEN)),
        ("POST", ("Transfer-Encoding: gzip, chunked",), chunked(HIDDEN)),
        ("OPTIONS", (CHUNKED,), chunked(HIDDEN)),
    ):
        enemy.forget()
        said = enemy.send(enemy.head(*fields, method=method) + body)
        assert status(said) == 200
        assert len(heads(enemy.plain.seen)) == 1, method


def test_requests_behind_each_other_are_each_decided(enemy):
    """RFC 9112 section 9.3.2: pipelined; the one for a blocked site is answered in its turn."""
    enemy.forget()
    blocked = enemy.head("Accept: text/html", host=BLOCKED)
    said = enemy.send(enemy.head() + blocked + enemy.head("Connection: close"), seconds=5)
    assert said.count(b"HTTP/1.1 200") == 2
    assert said.count(b"HTTP/1.1 403") == 1
    assert [each[0] for each in heads(enemy.plain.seen)] == [b"GET / HTTP/1.1"] * 2


@pytest.mark.parametrize(
    "body",
    [
        b"zz\r\nabc\r\n0\r\n\r\n",
        b"0x3\r\nabc\r\n0\r\n\r\n",
        b"-3\r\nabc\r\n0\r\n\r\n",
        b"3\r\nabcde\r\n0\r\n\r\n",
        b"3 3\r\nabc\r\n0\r\n\r\n",
        b"1" * 40 + b"\r\nabc\r\n0\r\n\r\n",
        b"5\r\nabc",  # an early end
        b"fffffffffffffff0\r\nabc\r\n0\r\n\r\n",  # more than is left of the world
        b"3\nabc\n0\n\n",
    ],
)
def test_broken_chunks_reach_no_server(enemy, body):
    """RFC 9112 section 7.1: sizes are hexadecimal digits, and a reader must foresee that they
    overflow; section 8: a request that is not whole is none.
    """
    enemy.forget()
    said = enemy.send(enemy.head(CHUNKED, method="POST") + body, seconds=0.5)
    assert status(said) in {0, 400}
    assert enemy.plain.seen == b""


def test_chunks_with_extensions_and_trailers_arrive_without_them(enemy):
    """RFC 9112 section 7.1.1: unknown extensions are ignored; RFC 9110 section 6.5.1: trailers may
    be left out, and none is taken for a field of the head.
    """
    enemy.forget()
    body = b"3;a=b\r\nabc\r\n0\r\nHost: " + BLOCKED.encode() + b"\r\n\r\n"
    assert status(enemy.send(enemy.head(CHUNKED, method="POST") + body)) == 200
    assert len(heads(enemy.plain.seen)) == 1
    assert BLOCKED.encode() not in enemy.plain.seen
    assert "crashed" not in enemy.filter.log


def test_after_all_of_this_it_serves_and_its_log_holds_no_fault(enemy):
    assert enemy.alive()
    assert "Traceback" not in enemy.filter.log
