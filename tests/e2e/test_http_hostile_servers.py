"""Servers that lie: answers with two ends, more than was asked for, and what comes before an answer."""

import os
import struct

import pytest

from tests.support.hostile_world import BLOCKED, OPEN
from tests.support.node import eventually
from tests.support.raw_http import CHUNKED, GOOD, connect, heads, read, status

pytestmark = pytest.mark.real
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.http_core
@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nyess",
        OK + b"Content-Length: 3, 4\r\n\r\nyess",
        OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n3\r\nyes\r\n0\r\n\r\n",
        OK + b"Content-Length : 3\r\n\r\nyes",
        b"HTTP/1.1 OK 200\r\nContent-Length: 3\r\n\r\nyes",
        b"ICY 200 OK\r\n\r\n",
        b"\1\2\3\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nraw",
    ],
)
def test_an_answer_with_two_readings_is_none(enemy, answer):
    """RFC 9112 section 6.3: a proxy closes, discards and says 502; RFC 9110 section 15.2.2: 101 is for
    who asked for it.
    """
    with enemy.plain.answering(answer):
        said = enemy.send(enemy.head(), seconds=5)
    assert status(said) == 502
    assert not said.endswith((b"yes", b"yess", b"raw"))


@pytest.mark.parametrize(
    ("answer", "close"),
    [
        (CHUNKED + b"zz\r\nyes\r\n", False),
        (CHUNKED + b"-3\r\nyes\r\n0\r\n\r\n", False),
        (CHUNKED + b"1" * 40 + b"\r\nyes\r\n0\r\n\r\n", False),
        (CHUNKED + b"5\r\nyes", True),
        (OK + b"Content-Length: 30\r\n\r\nyes", True),
        (CHUNKED + b"3\r\nyesno\r\n0\r\n\r\n", False),
    ],
)
def test_a_body_that_breaks_off_is_not_passed_off_as_whole(enemy, answer, close):
    """RFC 9112 section 8: the client must be able to see that it is not whole: 502, or an end where
    the body had begun.
    """
    with enemy.plain.answering(answer, close=close):
        said = enemy.send(enemy.head(), seconds=2)
    assert status(said) in {0, 200, 502}
    if status(said) == 200:
        assert not said.endswith(b"0\r\n\r\n")
        assert b"Content-Length: 3\r\n" not in said
    assert enemy.alive()


def test_a_chunk_larger_than_any_number_is_waited_for_and_costs_nothing(enemy):
    """RFC 9112 section 7.1: a recipient foresees large sizes."""
    with enemy.plain.answering(CHUNKED + b"fffffffffffffff0\r\nyes\r\n0\r\n\r\n"):
        said = enemy.send(enemy.head(), seconds=1)
    assert not said.endswith(b"0\r\n\r\n")
    assert enemy.alive()


@pytest.mark.http_core
@pytest.mark.parametrize(
    "bad", [b"a\rSet-Cookie: x=1", b"a\r\n Set-Cookie: x=1", b"a\0Set-Cookie: x=1"]
)
def test_no_field_is_hidden_in_another(enemy, bad):
    """RFC 9110 section 5.5 and RFC 9112 section 5.2: breaks and NULs become spaces."""
    with enemy.plain.answering(OK + b"X-A: " + bad + b"\r\nContent-Length: 3\r\n\r\nyes"):
        said = enemy.send(enemy.head())
    assert b"X-A: a Set-Cookie: x=1\r\n" in said


def test_an_answer_behind_the_answer_is_nobodys(enemy):
    """RFC 9112 section 9.2: what was not asked for is not given to the next who asks."""
    evil = GOOD + OK + b"Content-Length: 4\r\n\r\nevil"
    with enemy.plain.answering(evil), connect(enemy.proxy) as raw:
        for _ in range(3):
            raw.sendall(enemy.head())
            said = read(raw, lambda said: said.endswith(b"yes"), 5)
            assert b"evil" not in said
            assert said.count(b"HTTP/1.1 200") == 1


@pytest.mark.http_core
@pytest.mark.parametrize("interim", [b"100 Continue", b"103 Early Hints", b"102 Processing"])
def test_what_comes_before_an_answer_is_not_the_answer(enemy, interim):
    """RFC 9110 section 15.2: any number of 1xx; a proxy may leave them out where nobody waits."""
    first = b"HTTP/1.1 " + interim + b"\r\nLink: </a>; rel=preload\r\n\r\n"
    with enemy.plain.answering(first + first + GOOD):
        said = enemy.send(enemy.head(), seconds=5)
    assert status(said) == 200
    assert said.endswith(b"\r\n\r\nyes")


def test_trailers_of_a_server_are_left_out(enemy):
    """RFC 9110 section 6.5.1."""
    with enemy.plain.answering(CHUNKED + b"3\r\nyes\r\n0\r\nSet-Cookie: x=1\r\n\r\n"):
        said = enemy.send(enemy.head(), seconds=5)
    assert said.endswith(b"3\r\nyes\r\n0\r\n\r\n")
    assert b"Set-Cookie" not in said


@pytest.mark.http_core
def test_who_waits_to_continue_is_answered_and_a_blocked_server_hears_nothing(enemy):
    """RFC 9110 section 10.1.1: 100, or the final answer at once."""
    fields = ("Expect: 100-continue", "Content-Length: 3", "Accept: text/html")
    for host, expected in ((OPEN, 200), (BLOCKED, 403)):
        enemy.forget()
        with connect(enemy.proxy) as raw:
            raw.sendall(enemy.head(*fields, method="POST", host=host))
            said = read(raw, lambda said: b"\r\n\r\n" in said, 5)
            if status(said) == 100:
                raw.sendall(b"abc")
                behind = said.partition(b"\r\n\r\n")[2]
                said = behind or read(raw, lambda more: b"\r\n\r\n" in more, 5)
            assert status(said) == expected
        assert len(heads(enemy.plain.seen)) == (host == OPEN)


UPGRADE = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")  # fmt: skip
SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


def frame(text):
    """A client's frame (RFC 6455 section 5.2)."""
    mask = os.urandom(4)
    return struct.pack("!BB", 0x81, 0x80 | len(text)) + mask + bytes(
        byte ^ mask[at % 4] for at, byte in enumerate(text)
    )  # fmt: skip


@pytest.mark.http_core
def test_a_websocket_is_decided_like_any_request(enemy):
    """RFC 6455 section 4.1: it begins as a request, whose host is decided; then frames pass. Upgrades
    to HTTP/2 (RFC 9113 appendix B: obsolete) are left out of what the server is sent.
    """
    enemy.forget()
    said = enemy.send(enemy.head(*UPGRADE, host=BLOCKED), seconds=5)
    assert (status(said), enemy.plain.seen) == (403, b"")
    with enemy.plain.answering(SWITCH), connect(enemy.proxy) as raw:
        raw.sendall(enemy.head(*UPGRADE))
        assert status(read(raw, lambda said: b"\r\n\r\n" in said, 5)) == 101
        before = len(enemy.plain.seen)
        raw.sendall(frame(b"hello"))
        eventually(lambda: len(enemy.plain.seen) == before + 11, 10)
    enemy.forget()
    upgrade = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")
    assert status(enemy.send(enemy.head(*upgrade))) == 200
    assert b"h2c" not in enemy.plain.seen


def test_after_all_of_this_it_serves_and_its_log_holds_no_fault(enemy):
    assert enemy.alive()
    assert "Traceback" not in enemy.filter.log
