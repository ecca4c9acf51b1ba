"""What a URL names: spelled so that filter and server could understand two different things.

Spellings of names and addresses here are those that programs write by hand; browsers make them plain
before they ask.
"""

import pytest

from tests.support.filtered import STAFF
from tests.support.hostile_world import BLOCKED, OPEN, OTHER
from tests.support.raw_http import heads, status

pytestmark = pytest.mark.real


def asked(enemy, data, client="127.0.0.1"):
    """Return the status, and the first lines that the server saw."""
    enemy.forget()
    said = enemy.send(data, client, seconds=5)
    return status(said), [lines[0] for lines in heads(enemy.plain.seen)]


@pytest.mark.http_core
@pytest.mark.parametrize(("url", "host"), [(OPEN, BLOCKED), (BLOCKED, OPEN)])
def test_of_two_hosts_the_stricter_wins(enemy, url, host):
    """RFC 9112 section 3.2.2: a proxy goes by the absolute form and not by Host; a server may go by
    either, so both have to be allowed.
    """
    head = enemy.head(host=url).replace(f"Host: {url}".encode(), f"Host: {host}".encode())
    assert asked(enemy, head) == (403, [])


def test_two_allowed_hosts_that_do_not_agree_are_refused(enemy):
    """A server may go by either (RFC 9112 section 3.2.2), and each may have rules of its own."""
    for path, expected in (("/secret/page", 403), ("/", 403)):
        for url, host in ((OTHER, OPEN), (OPEN, OTHER)):
            head = enemy.head(path=path, host=url)
            head = head.replace(f"Host: {url}".encode(), f"Host: {host}".encode())
            assert asked(enemy, head)[0] == expected, (path, url)


@pytest.mark.parametrize(
    "fields",
    [
        (f"Host: {BLOCKED}",),
        (f"Host: {OPEN}",),
        (f"host: {OPEN}", f"HOST: {OPEN}"),
    ],
)
def test_a_second_host_is_refused(enemy, fields):
    """RFC 9112 section 3.2: more than one Host field, 400."""
    assert asked(enemy, enemy.head(*fields)) == (400, [])


@pytest.mark.parametrize(
    "host",
    [
        f"{OPEN}, {BLOCKED}",
        f"{BLOCKED}@{OPEN}",
        f"{OPEN}@{BLOCKED}",
        f"{OPEN}/{BLOCKED}",
        f"{OPEN}\\@{BLOCKED}",
        f"{OPEN} {BLOCKED}",
        f"{OPEN}#{BLOCKED}",
        f"{OPEN}%00.{BLOCKED}",
        f"{OPEN}:80:80",
        f"{OPEN}:port",
        "[::1",
        "",
    ],
)
def test_a_host_field_that_is_no_host_is_refused(enemy, host):
    """RFC 9112 section 3.2: an invalid Host value, 400; RFC 9110 section 4.2.4: no user information."""
    port = enemy.plain.port
    origin = f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    absolute = f"GET http://{OPEN}:{port}/ HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    assert asked(enemy, origin) in ((400, []), (403, []))
    if host:
        assert asked(enemy, absolute) in ((400, []), (403, []))


@pytest.mark.http_core
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.0.0.1.", "127.1", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "2130706433",
        "017700000001", "0", "[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
        "[fe80::1%25lo]",
    ],
)  # fmt: skip
def test_an_address_is_no_way_round_in_any_notation(enemy, host):
    """RFC 3986 section 7.4: rare notations of addresses; WHATWG URL section 3.5 reads them alike.
    Who is filtered is refused (403), and CONNECT too.
    """
    assert asked(enemy, enemy.head(host=host)) == (403, [])
    origin = f"GET / HTTP/1.1\r\nHost: {host}:{enemy.plain.port}\r\n\r\n".encode()
    assert asked(enemy, origin) == (403, [])
    place = f"{host}:{enemy.plain.port}"
    assert asked(enemy, f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode()) == (403, [])


def test_who_is_not_filtered_reaches_the_address_as_the_gate_read_it(enemy):
    for host in ("127.0.0.1", "0x7f.1"):
        assert asked(enemy, enemy.head(host=host), STAFF)[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        "BLOCKED.site.EXAMPLE",
        f"{BLOCKED}.",
        f"{BLOCKED}..",
        "blocked%2esite.example",
        "%62locked.site.example",
        f"{BLOCKED}%00",
        f"{BLOCKED}\0",
        f"{OPEN}\0.{BLOCKED}",
        f"{BLOCKED}\\",
        "blocked\u3002site.example",
        "\uff42locked.site.example",
        "bloc\u00adked.site.example",
        "blocked\u200b.site.example",
        "blocked.s\u0131te.example",
    ],
)
def test_a_blocked_name_in_disguise_reaches_nobody(enemy, host):
    """RFC 3986 section 3.2.2 and UTS 46: escapes, dots, invisible and look-alike letters. Blocked, or
    no name at all.
    """
    data = enemy.head(host=host.encode().decode("latin-1"))
    assert asked(enemy, data) in ((400, []), (403, []))


@pytest.mark.http_core
@pytest.mark.parametrize(
    "path",
    [
        "/secret/page#x", "/x#/../secret/page", "/secret/page\0", "/secret\0/page", "/secret\\page",
        "/\\secret\\page", "/secret/page\x7f", "/secret/pa\tge", "/secret/p\x01age",
    ],
)  # fmt: skip
def test_bytes_that_no_url_has_are_refused(enemy, path):
    """RFC 9112 section 3.2 with RFC 3986 sections 3.3 and 3.4: 400. A server could cut at the NUL,
    take `\\` for `/`, or keep what is behind `#`.
    """
    assert asked(enemy, enemy.head(path=path)) in ((400, []), (403, []))
    origin = f"GET {path} HTTP/1.1\r\nHost: {OPEN}:{enemy.plain.port}\r\n\r\n".encode()
    assert asked(enemy, origin) in ((400, []), (403, []))


@pytest.mark.http_core
@pytest.mark.parametrize(
    "path",
    [
        "/secret/page", "/%73ecret/page", "/secret%2fpage", "/secret/%2e/page", "/x/%2e%2e/secret/page",
        "/x/%252e%252e/secret/page", "/x/../../secret/page", "//secret//page", "/secret/page%00"[:12],
        "/secret/page?x", "/secret/page/", "/secret/page;x"[:12],
    ],
)  # fmt: skip
def test_a_page_has_one_spelling(enemy, path):
    """RFC 3986 section 6.2.2, and more: escapes are undone until nothing changes, dots are followed."""
    assert asked(enemy, enemy.head(path=path, host=OPEN)) == (403, [])


@pytest.mark.parametrize(
    "path",
    [
        "/%c0%afsecret%c0%afpage",  # overlong UTF-8 is no slash (RFC 3629 section 10)
        "/secret/page%00",
        "/secret%5cpage",
        "/%u0073ecret/page",
        "/SECRET/page",
        "/secret/%0d%0apage",
        "/%ff%fe",
    ],
)
def test_other_escapes_are_other_pages_and_arrive_as_they_are(enemy, path):
    """RFC 3986 section 2.1: an escape is what it is; nothing here is another writing of the page that
    is blocked, and nothing of it becomes a byte on the way.
    """
    assert asked(enemy, enemy.head(path=path)) == (200, [f"GET {path} HTTP/1.1".encode()])


def test_a_name_in_the_target_is_not_reflected(enemy):
    """The page of mitmproxy itself, for what is no request, and ours: nothing is unescaped."""
    for data in (
        b"GET <script>alert(1)</script> HTTP/1.1\r\n\r\n",
        enemy.head("Accept: text/html", path="/<script>alert(1)</script>", host=BLOCKED),
        enemy.head("Accept: text/html", "X: y", host=BLOCKED).replace(b"Host: ", b"Host: <script>"),
    ):
        said = enemy.send(data, seconds=5)
        assert status(said) in {400, 403}
        assert b"<script" not in said


def test_after_all_of_this_it_serves_and_its_log_holds_no_fault(enemy):
    assert enemy.alive()
    assert "Traceback" not in enemy.filter.log
