"""Lists fetched from a real web server: in force, held back, rolled back, and offline."""

import http.server
import json
import threading
from functools import partial

import pytest

from tests.support.dnsclient import data_of
from tests.support.load import Load
from tests.support.node import eventually, node, start, wait_for

pytestmark = pytest.mark.real
BLOCKED, OPEN = ["0.0.0.0"], ["192.0.2.1"]
FILL = "".join(f"||host{n}.example.org^\n" for n in range(200))


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    """Give (folder that is served, its address)."""
    folder = tmp_path_factory.mktemp("www")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture(scope="module")
def running(tmp_path_factory, resolver, web):
    """One node for the whole file; its tests tell one story, in order."""
    folder, address = web
    (folder / "ads.txt").write_text(FILL)
    changes = {
        "upstream": {"servers": [f"127.0.0.1:{resolver.port}"]},
        "default_group": "g",
        "groups": {"g": {"age": 10}},
        "lists": {"ads": {"format": "adblock", "url": f"{address}/ads.txt", "refresh": "1d"}},
        "block": ["bad.example.com"],
    }
    with node(tmp_path_factory.mktemp("node"), changes) as one:
        yield one


def update(running, *arguments):
    done = running.run("lists", "update", "--json", *arguments)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)["lists"][0]


def asked(running, name="www.example.com"):
    return data_of(running.ask(name))


def test_fetched_at_the_start(running):
    assert asked(running, "host7.example.org") == BLOCKED
    assert asked(running) == OPEN
    assert running.metric('filterd_rules{list="ads"') == 200
    done = running.run("lists", "status")
    assert (done.returncode, "200 rules" in done.stdout) == (0, True)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("||one.example.org^\n", "shrunk"),
        ("", "empty"),
        ("<!doctype html><html><body>log in</body></html>", ""),
        (FILL + "||tongdai111.vn^\n", "tongdai111.vn"),
        (FILL + "||google.com^\n", "google.com"),
    ],
    ids=["shrunk", "empty", "a page", "must not block", "a name of every day"],
)
def test_the_gate_holds_a_bad_version(running, web, text, why):
    folder, _ = web
    (folder / "ads.txt").write_text(text)
    code, outcome = update(running)
    assert (code, outcome["outcome"] in {"held", "failed"}) == (1, True)
    assert outcome["reasons"]
    assert any(why in reason for reason in outcome["reasons"]) or why in {"shrunk", "empty"}
    assert asked(running, "host7.example.org") == BLOCKED, "the version before stays"
    assert asked(running) == OPEN
    status = running.run("lists", "status")
    assert status.returncode == 1
    assert "google.com" not in status.stdout or why == "google.com"


def test_a_held_version_by_force_and_back_again(running, web):
    folder, _ = web
    (folder / "ads.txt").write_text("||www.example.com^\n")
    code, outcome = update(running, "ads", "--force")
    assert (code, outcome["outcome"]) == (0, "updated")
    assert asked(running) == BLOCKED
    done = running.run("lists", "rollback", "--json")
    assert done.returncode == 0, done.stderr
    assert asked(running) == OPEN
    assert asked(running, "host7.example.org") == BLOCKED


def test_an_update_is_in_force_without_a_lost_question(running, web):
    folder, _ = web
    assert asked(running) == OPEN
    with Load(running.port, ("www.example.com", "other.example.com")) as load:
        (folder / "ads.txt").write_text(FILL + "||www.example.com^\n")
        code, outcome = update(running)
        assert (code, outcome["outcome"], outcome["rules"]) == (0, "updated", 201)
        assert asked(running) == BLOCKED
    assert load.wrong == []
    assert load.seen["www.example.com"] == {"192.0.2.1", "0.0.0.0"}
    assert load.seen["other.example.com"] == {"192.0.2.2"}
    code, outcome = update(running)
    assert (code, outcome["outcome"]) == (0, "unchanged")


def test_what_cannot_be_fetched_leaves_the_old_in_force(running, web):
    folder, _ = web
    (folder / "ads.txt").unlink()
    code, outcome = update(running)
    assert (code, outcome["outcome"]) == (1, "failed")
    assert asked(running) == BLOCKED


def test_offline_start_from_disk(running, web):
    """The list is not there any more; what is on disk is in force before the door opens."""
    again(running)
    assert asked(running) == BLOCKED
    assert asked(running, "host7.example.org") == BLOCKED


def test_a_damaged_index_on_disk_is_made_anew(running):
    def damage():
        for index in (running.state / "rules").glob("gen-*.idx"):
            data = bytearray(index.read_bytes())
            data[len(data) // 2] ^= 0xFF
            index.write_bytes(data)

    again(running, damage)
    eventually(lambda: asked(running, "host7.example.org") == BLOCKED)
    assert "compiled anew" in running.log


def test_a_list_that_was_never_there_is_told_and_the_rest_holds(running, web):
    _, address = web
    lists = {"gone": {"format": "adblock", "url": f"{address}/gone.txt"}}
    running.write({"lists": lists})
    again(running)
    assert asked(running) == OPEN
    assert asked(running, "bad.example.com") == BLOCKED
    eventually(lambda: running.metric('filterd_list_problem{list="gone"') == 1)
    done = running.run("lists", "status")
    assert (done.returncode, "404" in done.stdout) == (1, True)


def again(running, between=lambda: None):
    """End the daemon and start it on what it left."""
    running.process.terminate()
    running.process.wait(10)
    between()
    running.process = start(running.folder)
    wait_for(running, "/readyz")
