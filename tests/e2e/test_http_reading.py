"""What the HTTP filter reads and says in what may be read: labels, hashes, header fields, faults."""

import hashlib
import json
import random
import socket
import ssl
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest

from filterd.http.media.specimen import specimen
from tests.support import needs
from tests.support.http_world import World, http_filter, site
from tests.support.node import eventually, filterd, node
from tests.support.reading_site import LARGE, RTA, ReadingHandler
from tests.support.servers import free_port
from tests.support.tls import make_authority

pytestmark = pytest.mark.real

PUPIL, STAFF, GROWN = "127.0.0.1", "127.0.0.18", "127.0.0.19"
PICTURE = specimen()
VIDEO = b"\x00\x00\x00\x18ftypmp42" + random.Random(7).randbytes(700_000)
SIZES = (100_000, 262_144, 262_145, 262_500, 280_000, 320_000, 600_000)
NAMES = ("open.site.example", "www.youtube.com", "www.google.com")
SAFE = ("restrict.youtube.com", "forcesafesearch.google.com")


class Pictures(ReadingHandler):
    pictures: ClassVar = {
        "/known.png": (PICTURE, "image/png"),
        "/hidden": (PICTURE, "text/html"),
        "/video": (VIDEO, "video/mp4"),
        "/other.png": (PICTURE[:-20], "image/png"),
        **{f"/clip-{size}": (VIDEO[:size], "video/mp4") for size in SIZES},
    }


@pytest.fixture(scope="module")
def world(tmp_path_factory, resolver):
    python, folder = needs.http_environment(), tmp_path_factory.mktemp("reading")
    authority, proxy = make_authority(folder), free_port()
    certificate = authority.issue(*NAMES)
    with (
        site(certificate, handler=Pictures) as tls,
        site(handler=Pictures) as plain,
        socket.create_server(("127.0.0.1", 0)) as mute,
    ):
        ports = (tls.port, plain.port, mute.getsockname()[1], free_port())
        with node(folder, config(resolver, python, proxy, ports, authority)) as daemon:
            made = filterd("http", "ca", "new", "-c", str(daemon.config))
            assert made.returncode == 0, made.stderr
            sets = daemon.state / "http/media"
            sets.mkdir(parents=True)
            assert filterd("media", "test-set", str(sets / "test.set")).returncode == 0
            rows = folder / "rows.json"
            clips = [VIDEO, *(VIDEO[:size] for size in SIZES)]
            hashes = [hashlib.sha256(each).hexdigest() for each in clips]
            rows.write_text(json.dumps([{"id": each[:8], "sha256": each} for each in hashes]))
            done = filterd("media", "import", str(rows), "-o", str(sets / "clips.set"), "--id",
                           "clips", "--source", "test", "--epoch", "1", "--one-source")  # fmt: skip
            assert done.returncode == 0, done.stderr
            eventually((daemon.state / "http/ruling.json").exists)
            with http_filter(folder, proxy) as running:
                yield World(daemon, running, (tls, plain, SimpleNamespace(port=ports)), authority)


def config(resolver, python, proxy, ports, authority):
    return {
        "upstream": {"servers": [f"127.0.0.1:{resolver.port}"]},
        "records": [f"{name} A 127.0.0.1" for name in (*NAMES, *SAFE)],
        "default_group": "pupils",
        "groups": {
            "pupils": {"age": 10, "youtube": "strict", "safe_search": True},
            "grown": {"age": 18, "networks": [f"{GROWN}/32"], "youtube": "off",
                      "safe_search": False},
            "staff": {"age": 18, "filtered": False, "networks": [f"{STAFF}/32"]},
        },
        "allow": ["allowed.site.example"],
        "http": {
            "listen": {"explicit": [f"127.0.0.1:{proxy}"]},
            "python": python,
            "ports": list(ports),
            "inspect": {"groups": ["pupils", "grown", "staff"]},
            "upstream_ca": str(authority.ca_file),
            "media": {"on": True},
            "headers": {"tenants": {"google-workspace": {"set": {"domains": "school.example"}}}},
        },
    }  # fmt: skip


def page(world, path, client=PUPIL, *words):
    return world.curl(world.http("open.site.example", path), *words, client=client)


@pytest.mark.parametrize("path", ["/labelled", "/packed", "/field", "/large"])
def test_a_label_above_the_age_of_the_group_blocks_the_page(world, path):
    for url in (world.http, world.https):
        done = world.curl(url("open.site.example", path + "?1"), "--compressed", trust=world.ours)
        assert done.stdout.split()[-2] == "403", done
        assert "18" in done.stdout
        assert RTA.decode() not in done.stdout


@pytest.mark.parametrize("path", ["/labelled", "/field", "/large"])
def test_who_is_old_enough_gets_it(world, path):
    for client in (GROWN, STAFF):
        done = page(world, path + "?2", client)
        assert done.stdout.split()[-2] == "200", done.stderr


def test_large_pages_and_words_of_visitors_pass(world):
    assert page(world, "/body").stdout.split()[-2] == "200"
    large = page(world, "/large-free").stdout
    assert len(large) > LARGE
    assert large.endswith("\n200 000")


def test_a_labelled_page_that_is_known_is_not_asked_for_again(world):
    assert page(world, "/labelled?3").stdout.split()[-2] == "403"
    before = list(world.plain.asked)
    assert page(world, "/labelled?3").stdout.split()[-2] == "403"
    assert world.plain.asked == before


def test_services_are_told_of_the_group(world):
    def asked(name, path, client):
        return json.loads(world.curl(world.http(name, path), client=client).stdout.split("\n")[0])

    said = asked("www.youtube.com", "/echo", PUPIL)
    assert said["youtube-restrict"].lower() == "strict"
    assert "youtube-restrict" not in asked("www.youtube.com", "/echo", GROWN)
    spoofed = world.curl(world.http("www.youtube.com", "/echo"), "-H", "YouTube-Restrict: none")
    assert "none" not in spoofed.stdout
    said = asked("www.google.com", "/echo", PUPIL)
    assert said["x-googapps-allowed-domains"] == "school.example"
    assert "x-googapps-allowed-domains" not in asked("open.site.example", "/echo", PUPIL)


def test_only_codings_that_can_be_read_are_asked_for_and_our_cookie_stays_here(world):
    words = ("-H", "Accept-Encoding: br, zstd, gzip", "-H", "Cookie: a=b; filterd-continue=x.y")
    said = json.loads(page(world, "/echo", PUPIL, *words).stdout.split("\n")[0])
    assert said["accept-encoding"] == "gzip, deflate"
    assert said["cookie"] == "a=b"


@pytest.mark.parametrize("path", ["/known.png", "/hidden"])
def test_a_known_picture_is_not_delivered_and_handed_off(world, path):
    done = world.curl(world.https("open.site.example", path), trust=world.ours)
    assert done.stdout.split()[-2] == "403"
    listed = world.daemon.run("handoff", "list", "--json")
    rows = [json.loads(line) for line in listed.stdout.splitlines()]
    assert {row["host"] for row in rows} == {"open.site.example"}
    assert "filterd-test" in {row["entry"] for row in rows}
    assert PUPIL not in listed.stdout
    assert path not in listed.stdout


def test_other_pictures_are_delivered_whole(world):
    done = page(world, "/other.png", PUPIL, "-o", "/dev/null", "-w", "%{size_download}")
    assert done.stdout.strip() == str(len(PICTURE) - 20)


def test_a_file_that_streams_by_is_spoiled_at_its_end(world, tmp_path):
    out = tmp_path / "video"
    page(world, "/video", PUPIL, "-o", str(out))
    assert out.stat().st_size <= len(VIDEO)
    assert out.read_bytes() != VIDEO


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("told", ["", "?chunked"])
def test_a_known_file_of_any_size_does_not_arrive_whole(world, tmp_path, size, told):
    out = tmp_path / "clip"
    page(world, f"/clip-{size}{told}", PUPIL, "-o", str(out))
    assert out.read_bytes() != VIDEO[:size]


def test_what_trickles_in_is_given_on_as_it_comes(world):
    with socket.create_connection(("127.0.0.1", world.filter.proxy), timeout=10) as raw:
        url = world.http("open.site.example", "/trickle")
        raw.sendall(f"GET {url} HTTP/1.1\r\nHost: {url.split('/')[2]}\r\n\r\n".encode())
        said = b""
        while b"line 1" not in said and (piece := raw.recv(4096)):
            said += piece
    assert b"line 1" in said
    assert b"line 9" not in said


def test_a_known_picture_is_not_uploaded_either(world, tmp_path):
    (tmp_path / "known.png").write_bytes(PICTURE)
    (tmp_path / "other.png").write_bytes(PICTURE[:-20])
    before = world.plain.came

    def upload(name):
        return page(world, "/up", PUPIL, "-F", f"file=@{tmp_path / name};type=image/png")

    assert upload("known.png").stdout.split()[-2] == "403"
    assert world.plain.came == before
    assert upload("other.png").stdout.split()[-2] == "200"


def test_a_server_that_cannot_be_had_is_told_in_our_words(world):
    _, _, mute, closed = world.wrong.port
    done = world.curl(f"http://open.site.example:{closed}/", "-H", "Accept-Language: vi")
    assert done.stdout.split()[-2] == "502"
    assert 'lang="vi"' in done.stdout
    assert "mitmproxy" not in done.stdout.lower()
    assert str(mute)


def test_a_site_cannot_label_another_by_its_name_in_host(world):
    before = list(world.plain.asked)
    for url, host in (("open.site.example", "www.google.com"), ("www.google.com", "open")):
        done = world.curl(world.http(url, "/labelled"), "-H", f"Host: {host}.site.example")
        assert done.stdout.split()[-2] == "403"
    assert world.plain.asked == before


def test_an_absolute_target_in_a_tunnel_has_to_agree(world):
    tls = ssl.create_default_context(cafile=world.ours)

    def asked(target):
        raw, _ = world.tunnel("open.site.example")
        with tls.wrap_socket(raw, server_hostname="open.site.example") as inside:
            host = f"open.site.example:{world.tls.port}"
            inside.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            return inside.recv(4096).split(b" ")[1]

    before = list(world.tls.asked)
    assert asked(world.https("www.google.com", "/echo")) == b"403"
    assert world.tls.asked == before
    assert asked(world.https("open.site.example", "/echo?absolute")) == b"200"
    assert world.tls.asked == [*before, "/echo?absolute"]  # as an origin-form


def test_a_part_of_a_page_without_its_head_is_not_given(world):
    assert page(world, "/part", PUPIL, "-H", "Range: bytes=9-").stdout.split()[-2] == "400"
    assert page(world, "/part", STAFF, "-H", "Range: bytes=9-").stdout.split()[-2] == "206"


def test_uploads_that_are_broken_off_leave_nothing_and_the_log_is_clean(world):
    def held():
        fields = [Path(f"/proc/{pid}/statm").read_text().split() for pid in world.filter.workers()]
        return sum(int(each[1]) for each in fields) * 4096

    head = (
        f"POST {world.http('open.site.example', '/up')} HTTP/1.1\r\n"
        f"Host: open.site.example:{world.plain.port}\r\n"
        "Content-Type: image/png\r\nContent-Length: 8388608\r\n\r\n"
    ).encode()
    before = held()
    for _ in range(30):
        with socket.create_connection(("127.0.0.1", world.filter.proxy)) as raw:
            raw.sendall(head + PICTURE[:16] + bytes(8_000_000))
    eventually(lambda: held() - before < 64 * 2**20)
    assert page(world, "/body").stdout.split()[-2] == "200"
    assert "crashed" not in world.filter.log
    assert "Traceback" not in world.filter.log


def test_nothing_of_a_page_is_in_the_log(world):
    for _ in range(3):
        assert page(world, "/secret").stdout.split()[-2] == "403"
    assert "a child's message" not in world.filter.log


def test_after_a_tunnel_that_was_refused_the_connection_may_ask_for_something_else(world):
    raw, code = world.tunnel("127.0.0.1")
    assert code == b"403"
    with raw:
        url = world.http("open.site.example", "/body")
        raw.sendall(f"GET {url} HTTP/1.1\r\nHost: {url.split('/')[2]}\r\n\r\n".encode())
        said = b""
        while b"200 OK" not in said and (piece := raw.recv(4096)):
            said += piece
        assert b"HTTP/1.1 200 OK" in said


def test_a_server_that_refuses_an_upload_is_told_without_inner_words(world, tmp_path):
    large = tmp_path / "large"
    large.write_bytes(bytes(9_000_000))
    closed = world.wrong.port[3]
    done = world.curl(
        f"http://open.site.example:{closed}/", "-i", "-T", str(large), "-H", "Expect:"
    )
    assert "mitmproxy" not in done.stdout.lower()
    assert "127.0.0.1" not in done.stdout
