"""The block page in a real browser, from a server on loopback that answers as the proxy does."""

import itertools
import os
import re
import secrets
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from filterd.http.page import going
from filterd.http.page.asked import Asked
from filterd.http.page.cases import Box
from filterd.http.page.desk import Asker, Desk, is_ours
from filterd.http.page.facts import Reading, Why
from filterd.http.page.signed import Signer
from filterd.http.page.style import COLOURS
from filterd.report.cases import Book
from tests.support import needs
from tests.support.chromium import browser, colours
from tests.support.pages import SCHOOL, WORDS, facts

pytestmark = pytest.mark.real
SHOTS = os.environ.get("FILTERD_SHOTS")  # a folder for screenshots of every page, to be looked at
NOW = 1_790_000_000
DRAWN = (Why.ORDER,)  # whose pixels are counted
PAGES = {f"/{why}-{reading}": (why, reading) for why in Why for reading in Reading}
BOOBY = '<script>document.title="broken out"</script><h1 id=out>out</h1>'


class Door(BaseHTTPRequestHandler):
    """Every page but `/plain` is blocked or warned of; what goes through is told as the site."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.seen.append((self.command, self.path, dict(self.headers)))
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        asked = Asked.of(self.command, {k.lower(): v for k, v in self.headers.items()})
        host = self.headers["Host"].partition(":")[0]
        asker = Asker("127.0.0.1", host, self.path, tls=False)
        desk, cookies = self.server.desk, self.headers.get("Cookie", "")
        if is_ours(host, self.path):
            return self.say(desk.receive(asked, asker, body, NOW))
        why, reading = PAGES.get(self.path, (None, None))
        if why is None or (why is Why.WARNING and desk.may_go_on(asker, cookies, NOW)):
            page = f"<!doctype html><title>site</title><p>the site: {going.without_ours(cookies)}|"
            page += '<img src="/list-staff"><script src="/order-staff"></script>'
            return self.send(200, "OK", [("Content-Type", "text/html")], page.encode())
        host = BOOBY if reading is Reading.STAFF else host
        return self.say(desk.refuse(facts(why, reading, host=host), asked, asker, NOW))

    def do_POST(self):
        self.do_GET()

    def say(self, answer):
        self.send(answer.status, answer.phrase, answer.headers, answer.body)

    def send(self, status, phrase, headers, body):
        self.send_response(status, phrase)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args):
        """Say nothing."""


@contextmanager
def door(folder):
    desk = Desk(Signer(bytes(32)), WORDS, SCHOOL, Box(folder), secrets.randbelow)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.desk, server.seen = desk, []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_page_is_drawn_in_light_and_dark_wide_and_narrow(tmp_path):
    with door(tmp_path) as (_, base), browser("--accept-lang=vi") as seen:
        for why, reading in itertools.product(Why if SHOTS else DRAWN, Reading):
            seen.go(f"{base}/{why}-{reading}")
            assert WORDS.languages["vi"].pages[why, reading].title in seen.html()
            for dark in (False, True):
                for width, height in ((1280, 1000), (390, 1300)) if SHOTS else ():
                    png = seen.look(width, height, dark=dark)
                    name = f"{why}-{reading}-{width}{'-dark' * dark}.png"
                    (Path(SHOTS) / name).write_bytes(png)
                if why not in DRAWN:
                    continue
                found = colours(seen.look(390, 200, dark=dark))
                back, card = COLOURS["back"][dark], COLOURS["card"][dark]
                assert found[bytes.fromhex(back[1:])] > 2000
                assert found[bytes.fromhex(card[1:])] > 10_000
                assert len(found) > 100  # letters with soft edges


def test_the_keyboard_reaches_everything_and_shows_where_it_is(tmp_path):
    with door(tmp_path) as (_, base), browser("--accept-lang=vi") as seen:
        seen.go(f"{base}/list-primary")
        before = seen.look(390, 900)
        seen.key("Tab", 9)
        assert seen.look(390, 900) != before
        seen.key(" ", 32)  # the first reason is chosen
        seen.key("Tab", 9)
        seen.load(lambda: seen.key("Enter", 13))
        assert "Đã gửi yêu cầu" in seen.html()
    (kept,) = Book(tmp_path).look(NOW)
    assert kept.case.reason == "lesson"


def test_nothing_breaks_out_and_nothing_is_fetched_for_it(tmp_path):
    with door(tmp_path) as (server, base), browser() as seen:
        seen.go(f"{base}/order-staff")
        page = seen.html()
        assert "<title>Blocked" in page or "<title>Địa chỉ" in page
        assert 'id="out"' not in page
        assert "&lt;script&gt;" in page
        paths = {path for _, path, _ in server.seen}
        assert paths <= {"/order-staff", "/favicon.ico"}
        assert "refused" not in str(seen.events).lower()


def test_a_pupil_asks_for_a_page_and_the_teacher_has_the_case(tmp_path):
    with door(tmp_path) as (server, base), browser("--accept-lang=vi") as seen:
        seen.go(f"{base}/list-secondary")
        seen.press("details.ask > summary")
        seen.press("input[value=mistake]")
        seen.click("details.ask button")
        page = seen.html()
        assert "Đã gửi yêu cầu" in page
        (kept,) = Book(tmp_path).look(NOW)
        assert kept.case.reference in page
        assert (kept.case.host, kept.case.reason) == ("127.0.0.1", "mistake")
        ((_, _, headers),) = [each for each in server.seen if each[0] == "POST"]
        assert headers["Origin"] == "null"  # the page has an origin of its own
        assert "Referer" not in headers


def test_the_reader_of_a_warning_goes_on_and_is_asked_once(tmp_path):
    with door(tmp_path) as (_, base), browser() as seen:
        seen.go(f"{base}/warning-staff")
        assert "the site" not in seen.html()
        seen.click("button.second")
        assert "the site: |" in seen.html()  # and our cookie does not reach it
        seen.go(f"{base}/warning-secondary")
        assert "the site: |" in seen.html()


def test_a_page_goes_on_without_what_is_blocked_in_it(tmp_path):
    with door(tmp_path) as (server, base), browser() as seen:
        seen.go(f"{base}/plain")
        node = seen._find("img")
        corners = seen.do("DOM.getBoxModel", nodeId=node)["model"]
        assert (corners["width"], corners["height"]) == (1, 1)  # the pixel, not a broken picture
        assert "/order-staff" in {path for _, path, _ in server.seen}


def test_another_window_of_the_site_cannot_read_the_forms(tmp_path):
    """A script of the warned site opens the page beside it: it may not press the button for it."""
    with door(tmp_path) as (_, base), browser("--disable-popup-blocking") as seen:
        seen.go(f"{base}/plain")
        script = (
            "(async()=>{const w=open('PLACE');await new Promise(r=>setTimeout(r,1500));"
            "try{return w.document.title}catch(e){return e.name}})()"
        )
        said = [
            seen.do(
                "Runtime.evaluate",
                expression=script.replace("PLACE", place),
                awaitPromise=True,
                userGesture=True,
            )["result"]["value"]
            for place in ("/plain", "/warning-staff")
        ]
        assert said == ["site", "SecurityError"]
        again = "fetch('/warning-staff').then(r=>r.text())"
        said = seen.do("Runtime.evaluate", expression=again, awaitPromise=True)
        assert "token" not in said["result"]["value"]
        assert "warning" in said["result"]["value"]


def test_chromium_of_the_command_line_finds_the_words_in_the_document(tmp_path):
    program = needs.program("chromium", "chromium")
    with door(tmp_path) as (_, base):
        words = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'p'}"]
        done = subprocess.run(
            [program, *words, "--accept-lang=vi", "--dump-dom", f"{base}/order-secondary"],
            capture_output=True,
            text=True,
            timeout=90,
            check=True,
        )
    assert "Bộ Thử Nghiệm" in done.stdout
    assert re.search(r'<html lang="vi">', done.stdout)
