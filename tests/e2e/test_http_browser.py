"""Chromium through the running filter, as a pupil sits at it: pages, blocks, an appeal."""

import os
from pathlib import Path

import pytest

from tests.support import needs
from tests.support.chromium import browser, trust
from tests.support.http_world import Handler, World, http_filter, site
from tests.support.node import eventually, filterd, node
from tests.support.servers import free_port
from tests.support.tls import make_authority

pytestmark = pytest.mark.real
SHOTS = os.environ.get("FILTERD_SHOTS")  # a folder for screenshots, to be looked at
NAMES = ("open.site.example", "games.site.example", "ordered.site.example", "bank.site.example")


class Pages(Handler):
    """A page with a picture of another site in it."""

    def do_GET(self):  # noqa: N802
        self.server.site.asked.append(self.headers.get("Host", ""))
        label = '<meta name="rating" content="adult">' if self.path.startswith("/grown") else ""
        elsewhere = f"//games.site.example:{self.server.server_port}/picture.png"
        page = f"<!doctype html><title>open</title>{label}<h1>the page itself</h1>"
        body = f'{page}<img src="{elsewhere}" alt="a picture"><p>and its end'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(scope="module")
def world(tmp_path_factory, resolver):
    python, folder = needs.http_environment(), tmp_path_factory.mktemp("browser")
    authority, proxy = make_authority(folder), free_port()
    (folder / "order.txt").write_text("ordered.site.example\n")
    with site(authority.issue(*NAMES), handler=Pages) as tls, site(handler=Pages) as plain:
        config = {
            "upstream": {"servers": [f"127.0.0.1:{resolver.port}"]},
            "records": ["*.site.example A 127.0.0.1"],
            "default_group": "pupils",
            "groups": {"pupils": {"age": 13}},
            "block": ["games.site.example"],
            "lists": {"order": {"format": "domains", "path": "order.txt", "mandatory": True}},
            "http": {
                "listen": {"explicit": [f"127.0.0.1:{proxy}"]},
                "python": python,
                "ports": [tls.port, plain.port],
                "never_decrypt": ["bank.site.example"],
                "inspect": {"groups": ["pupils"], "explain": ["pupils"]},
                "upstream_ca": str(authority.ca_file),
                "page": {"school": "Trường Thực hành", "appeal": "phòng tin học"},
            },
        }
        with node(folder, config) as daemon:
            made = filterd("http", "ca", "new", "-c", str(daemon.config))
            assert made.returncode == 0, made.stderr
            eventually((daemon.state / "http/ruling.json").exists)
            with http_filter(folder, proxy) as running:
                yield World(daemon, running, (tls, plain, plain), authority)


@pytest.fixture(scope="module")
def seen(world, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    trust(home, world.ours, world.authority.ca_file)
    flags = (f"--proxy-server=http://127.0.0.1:{world.filter.proxy}", "--accept-lang=vi,en",
             "--proxy-bypass-list=<-loopback>")  # fmt: skip
    with browser(*flags, home=home) as made:
        yield made


def shot(seen, name):
    if SHOTS:
        for width, height in ((1280, 900), (390, 1100)):
            (Path(SHOTS) / f"filter-{name}-{width}.png").write_bytes(seen.look(width, height))


def issuer(seen):
    """Who vouched for the page that was loaded last."""
    told = [
        each["params"]["response"]["securityDetails"]["issuer"]
        for each in seen.events
        if each.get("method") == "Network.responseReceived" and each["params"]["type"] == "Document"
    ]
    return told[-1]


def test_an_open_site_is_shown_and_what_is_blocked_in_it_is_empty(world, seen):
    before = list(world.tls.asked)
    seen.go(world.https("open.site.example"))
    assert "and its end" in seen.html()
    assert issuer(seen) != "Test authority"  # it was decrypted, with the school's authority
    assert "games" not in "".join(world.tls.asked[len(before) :])
    shot(seen, "open")


def test_what_is_never_decrypted_has_its_own_certificate(world, seen):
    seen.go(world.https("bank.site.example"))
    assert "the page itself" in seen.html()
    assert issuer(seen) == "Test authority"


@pytest.mark.parametrize(
    ("name", "words", "shown"),
    [
        ("games", "Trường Thực hành", "school"),
        ("ordered", "order", "order"),
    ],
)
def test_a_blocked_site_is_explained_over_https_and_http(world, seen, name, words, shown):
    for url in (world.https, world.http):
        seen.go(url(f"{name}.site.example", "/<script>alert(1)</script>"))
        page = seen.html()
        assert "the page itself" not in page
        assert words in page
        assert "111" in page
        assert "alert(1)" not in page
    shot(seen, shown)


def test_a_site_that_says_itself_that_it_is_for_adults(world, seen):
    seen.go(world.https("open.site.example", "/grown"))
    assert "the page itself" not in seen.html()
    assert "18" in seen.html()
    shot(seen, "label")


def test_a_pupil_asks_and_the_teacher_has_the_case(world, seen):
    seen.go(world.https("games.site.example"))
    seen.press("details.ask > summary")
    seen.press("input[value=mistake]")
    seen.click("details.ask button")
    assert "Đã gửi" in seen.html()
    shot(seen, "case")
    listed = world.daemon.run("case", "list", "--json").stdout
    assert "games.site.example" in listed


def test_a_server_that_cannot_be_had_is_explained(world, seen):
    world.plain.asked.clear()
    seen.go(f"https://open.site.example:{world.plain.port}/")  # which speaks no TLS
    assert "mitmproxy" not in seen.html().lower()
    assert "111" in seen.html()
    assert world.plain.asked == []
    shot(seen, "fault")
