"""Sets of hashes in the trust root, and the way of a large file onto the disk."""

import asyncio
import hashlib
import http.server
import threading
from contextlib import contextmanager
from functools import partial

import httpx
import pytest

from filterd.feed import remote
from filterd.feed.large import fetch_large
from filterd.feed.media import MOST_LENGTH, MOST_SETS, MediaSet, media_json, read_media
from filterd.feed.refusal import Fault, Refused
from filterd.feed.remote import pieces_from_folder, pieces_over_http

ONE = MediaSet("national", 7, 1000, "ab" * 32)
FILE = bytes(range(256)) * 400
DIGEST = hashlib.sha256(FILE).hexdigest()


def row(**changed):
    return media_json([ONE])["sets"][0] | changed


def test_sets_come_back_as_they_were_signed():
    other = MediaSet("partner", 0, 1, "0" * 64)
    assert read_media(media_json([other, ONE])) == (ONE, other)
    assert ONE.path == f"targets/media/{'ab' * 32}.national.set"


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ([row(id="../up")], Fault.MALFORMED),
        ([row(id="")], Fault.MALFORMED),
        ([row(id="National")], Fault.MALFORMED),
        ([row(sha256="AB" * 32)], Fault.MALFORMED),
        ([row(sha256="../" * 21 + "a")], Fault.MALFORMED),
        ([row(epoch=-1)], Fault.MALFORMED),
        ([row(epoch="7")], Fault.MALFORMED),
        ([row(more=1)], Fault.MALFORMED),
        ([row(), row(epoch=8)], Fault.MALFORMED),
        ([row(length=0)], Fault.TOO_LARGE),
        ([row(length=MOST_LENGTH + 1)], Fault.TOO_LARGE),
        ([row(id=f"s{n}") for n in range(MOST_SETS + 1)], Fault.TOO_LARGE),
    ],
)
def test_what_no_node_takes_is_refused(rows, fault):
    with pytest.raises(Refused) as refused:
        read_media({"sets": rows})
    assert refused.value.fault is fault


@contextmanager
def serving(folder, *, ranges):
    """Serve `folder`; yields the address and what was asked for, as (path, Range)."""
    asked = []

    class Server(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers.get("Range")))
            said = self.headers.get("Range")
            if not ranges or said is None:
                super().do_GET()
                return
            data = (folder / self.path.lstrip("/")).read_bytes()
            start = int(said.removeprefix("bytes=").removesuffix("-"))
            if start >= len(data):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            self.wfile.write(data[start:])

        def log_message(self, *_):
            """Tests say what they want to."""

    handler = partial(Server, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def fetch(url, part):
    async def work():
        if url.startswith("file:"):
            await fetch_large(pieces_from_folder(url), "f", len(FILE), DIGEST, part)
            return
        async with httpx.AsyncClient() as client:
            await fetch_large(pieces_over_http(client, url), "f", len(FILE), DIGEST, part)

    asyncio.run(work())


@pytest.fixture
def feed(tmp_path, monkeypatch):
    monkeypatch.setattr(remote, "SLICE_OF_FILE", 1000)
    (tmp_path / "feed").mkdir()
    (tmp_path / "feed" / "f").write_bytes(FILE)
    return tmp_path / "feed"


@pytest.mark.parametrize(("ranges", "asked_for"), [(True, "bytes=60000-"), (False, "bytes=60000-")])
def test_what_broke_off_is_taken_up_again(feed, tmp_path, ranges, asked_for):
    part = tmp_path / "part"
    part.write_bytes(FILE[:60_000])
    with serving(feed, ranges=ranges) as (url, asked):
        fetch(url, part)
    assert part.read_bytes() == FILE
    assert asked == [("/f", asked_for)]


def test_a_file_that_is_whole_is_not_fetched_again(feed, tmp_path):
    part = tmp_path / "part"
    part.write_bytes(FILE)
    with serving(feed, ranges=True) as (url, asked):
        fetch(url, part)
    assert asked == []


def test_from_a_folder_too_and_for_nobody_else_to_read(feed, tmp_path):
    part = tmp_path / "part"
    fetch(f"file://{feed}", part)
    assert part.read_bytes() == FILE
    assert part.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("start", [b"", b"another beginning", bytes(len(FILE)), b"x" * 200_000])
def test_another_file_is_refused_and_nothing_stays(feed, tmp_path, start):
    part = tmp_path / "part"
    part.write_bytes(start)
    (feed / "f").write_bytes(FILE[:-1] + b"x")
    with serving(feed, ranges=True) as (url, _), pytest.raises(Refused) as refused:
        fetch(url, part)
    assert refused.value.fault is Fault.TAMPERED
    assert not part.exists()


def test_a_longer_one_is_not_read_to_its_end(feed, tmp_path):
    part = tmp_path / "part"
    (feed / "f").write_bytes(FILE + bytes(5_000_000))
    with serving(feed, ranges=True) as (url, _), pytest.raises(Refused) as refused:
        fetch(url, part)
    assert refused.value.fault is Fault.TOO_LARGE
    assert not part.exists()


def test_a_shorter_one_is_waited_for(feed, tmp_path):
    part = tmp_path / "part"
    (feed / "f").write_bytes(FILE[:5000])
    with serving(feed, ranges=True) as (url, _):
        with pytest.raises(OSError, match="broke off after 5000"):
            fetch(url, part)
        with pytest.raises(Refused, match="shorter"):
            fetch(url, part)
        assert not part.exists()
        (feed / "f").write_bytes(FILE)
        fetch(url, part)
    assert part.read_bytes() == FILE


def test_what_is_not_there_is_no_refusal(feed, tmp_path):
    (feed / "f").unlink()
    with serving(feed, ranges=True) as (url, _), pytest.raises(OSError, match="404"):
        fetch(url, tmp_path / "part")
    with pytest.raises(OSError, match="no such file"):
        fetch(f"file://{feed}", tmp_path / "part")


def test_a_link_in_its_place_is_not_followed(feed, tmp_path):
    (tmp_path / "part").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="part"):
        fetch(f"file://{feed}", tmp_path / "part")
    assert not (tmp_path / "elsewhere").exists()
