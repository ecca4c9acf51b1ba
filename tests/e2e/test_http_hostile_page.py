"""The block page, and those who would write into it: by host, path, field, rule, list or file."""

import html.parser
import json
import re

import pytest

from tests.support.filtered import TOLD
from tests.support.hostile_world import BLOCKED, OPEN, hostile
from tests.support.node import filterd, write_config
from tests.support.raw_http import connect, read, status

pytestmark = pytest.mark.real
SCRIPT = "<script>alert(1)</script>"
NASTY = (
    SCRIPT,
    "\"'><img src=x onerror=alert(1)>",
    "</title></textarea><svg/onload=alert(1)>",
    "javascript:alert(1)",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "%0d%0aSet-Cookie:%20x=1%0d%0a%0d%0a%3Cscript%3E",
    "{{7*7}}${7*7}<%= 7*7 %>",
)


class Page(html.parser.HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_data(self, data):
        self.text += data


def plain(page):
    """Whether nothing in a page runs, loads or leads to where nobody of ours wrote."""
    names = {name for name, _ in page.attributes}
    values = [value or "" for name, value in page.attributes if name in {"href", "action", "src"}]
    return (
        {"script", "img", "iframe", "object", "embed", "base", "link"}.isdisjoint(page.tags)
        and not any(name.startswith("on") for name in names)
        and not any(value.lower().startswith(("javascript:", "data:")) for value in values)
    )


def refused(enemy, path="/", *fields, host=BLOCKED, client="127.0.0.1"):
    """Return head and page of a refusal."""
    with connect(enemy.proxy, client) as raw:
        raw.sendall(
            enemy.head("Accept: text/html", *fields, "Connection: close", path=path, host=host)
        )
        said = read(raw)
    head, _, body = said.partition(b"\r\n\r\n")
    return status(said), head.decode("latin-1"), Page(body.decode())


@pytest.fixture(scope="module")
def enemy(tmp_path_factory, http_python):
    """A filter whose lists were written by somebody else."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "hosts.txt").write_text(f"0.0.0.0 hosts.site.example # {SCRIPT}\n")
    (folder / "order.txt").write_text("# Title: <b onclick=x>\nordered.site.example\n")
    (folder / "adblock.txt").write_text(
        f"! Title: {SCRIPT}\n||adblock.site.example^\n||<script>alert(1)</script>.site.example^\n"
    )
    (folder / "pages.txt").write_text(
        f"http://open.site.example/a/{SCRIPT}\nhttp://open.site.example/b/%0d%0aX:%20y\n"
        "http://open.site.example/secret/page\n"
    )
    lists = {
        "pages": {"format": "urls", "path": "pages.txt"},
        "hosts": {"format": "hosts", "path": "hosts.txt"},
        "adblock": {"format": "adblock", "path": "adblock.txt"},
        "order": {"format": "domains", "path": "order.txt", "mandatory": True},
    }
    with hostile(folder, http_python, lists=lists) as world:
        yield world


@pytest.mark.http_core
@pytest.mark.parametrize("nasty", NASTY)
def test_what_a_client_wrote_into_path_and_fields_is_not_in_the_page(enemy, nasty):
    """RFC 9110 section 17.3 and 4.2.4: nothing of the request is trusted; of the URL the page shows
    the host alone. No field of the answer holds it either.
    """
    path = "/" + nasty.replace(" ", "+").replace("\\", "")
    fields = (
        f"Referer: {nasty}",
        f"User-Agent: {nasty}",
        f"Accept-Language: {nasty}",
        f"Cookie: {nasty}",
    )
    for client in ("127.0.0.1", TOLD):
        code, head, page = refused(enemy, path, *fields, client=client)
        assert code in {400, 403}
        assert plain(page)
        assert "alert" not in page.text + head
        assert not any("alert" in (value or "") for _, value in page.attributes)
        assert "set-cookie" not in head.lower()


@pytest.mark.parametrize(
    "host", [*NASTY, "<b>.site.example", 'a"b.site.example', "a'b.site.example"]
)
def test_a_host_that_is_none_is_answered_without_it(enemy, host):
    """RFC 9112 section 3.2: an invalid Host, 400, and no page that shows it."""
    data = f"GET / HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
    with connect(enemy.proxy) as raw:
        raw.sendall(data.encode())
        said = read(raw)
    body = said.partition(b"\r\n\r\n")[2].decode()
    assert status(said) in {400, 403}
    assert plain(Page(body))
    assert "alert" not in said.partition(b"\r\n\r\n")[0].decode("latin-1")


@pytest.mark.http_core
@pytest.mark.parametrize(
    ("host", "path", "expected"),
    [
        ("hosts.site.example", "/", 403),
        ("adblock.site.example", "/", 403),
        ("ordered.site.example", "/", 451),
        (OPEN, f"/a/{SCRIPT}", 403),
        (OPEN, "/b/%0d%0aX:%20y", 403),
        (OPEN, "/secret/page", 403),
    ],
)
def test_what_stands_in_lists_is_text(enemy, host, path, expected):
    """Rules, comments and titles of lists come from others: escaped where they are shown (staff see
    rule and list by name), never in a field.
    """
    for client in ("127.0.0.1", TOLD):
        code, head, page = refused(enemy, path, host=host, client=client)
        assert code == expected
        assert plain(page)
        assert "alert" not in head
        links = re.findall(r"(?im)^link: (.*)\r?$", head)
        assert all(
            re.fullmatch(r'<https?://[^<>\s"]+>; rel="blocked-by"', each.strip()) for each in links
        )
        assert (len(links) == 1) is (expected == 451)


@pytest.mark.parametrize("name", [SCRIPT, "a\r\nSet-Cookie: x=1", "a\0b", "../x", ""])
def test_a_name_of_a_list_is_a_plain_word(tmp_path, name):
    """A configuration whose list has another name is refused, so none comes into a page or a log."""
    (tmp_path / "list.txt").write_text("list.example\n")
    lists = {name: {"format": "domains", "path": "list.txt"}}
    servers = {"upstream": {"servers": ["127.0.0.1:9"]}}
    write_config(tmp_path, {**servers, "lists": lists}, 5353, 9353)
    done = filterd("check", "-c", str(tmp_path / "filterd.yaml"))
    assert done.returncode == 2, done
    assert "lists" in done.stderr


def test_a_program_is_told_in_json_that_holds_what_was_written_as_text(enemy):
    """RFC 9457: a problem is JSON; RFC 8259 section 7: what is in a string is escaped."""
    path = '/"},{"evil":1' + SCRIPT
    with connect(enemy.proxy) as raw:
        raw.sendall(
            enemy.head("Accept: application/json", "Connection: close", path=path, host=BLOCKED)
        )
        head, _, body = read(raw).partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    said = json.loads(body)
    assert "evil" not in said
    assert "script" not in json.dumps(said)


def test_the_filters_own_pages_take_nothing_from_who_asks(enemy):
    """What is below the filter's own path: answered here, without the path, and never sent on."""
    enemy.forget()
    for path in (
        f"/.well-known/filterd/{SCRIPT}",
        "/.well-known/filterd/%0d%0aX:y",
        "/.well-known/filterd/../../",
    ):
        code, head, page = refused(enemy, path, host=OPEN)
        assert code in {200, 400, 403, 404, 405}
        assert plain(page)
        assert "alert" not in head + page.text
    assert SCRIPT.encode() not in enemy.plain.seen


def test_after_all_of_this_it_serves_and_its_log_holds_no_fault(enemy):
    assert enemy.alive()
    assert "Traceback" not in enemy.filter.log
