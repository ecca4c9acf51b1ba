"""The life of the HTTP filter: what is missing before it serves, rules and events while it does,
workers that die or are renewed, and the end.
"""

import json
import os
import signal
import subprocess

import pytest

from tests.support.filtered import PAGE, PUPIL, filtered
from tests.support.http_world import gone, http_filter
from tests.support.node import eventually, filterd
from tests.support.servers import free_port

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def world(tmp_path_factory, resolver, http_python):
    folder, other = tmp_path_factory.mktemp("http"), tmp_path_factory.mktemp("other")
    with filtered(folder, other, resolver, http_python) as made:
        yield made


def test_what_is_missing_before_it_can_serve_is_told(world, tmp_path):
    assert world.daemon.run("http", "check").returncode == 0
    assert "127.0.0.1" in world.daemon.run("http", "check").stdout
    assert "SHA-256" in world.daemon.run("http", "ca", "show").stdout
    again = world.daemon.run("http", "ca", "new")
    assert (again.returncode, "there already" in again.stderr) == (2, True)
    taken = world.daemon.run("http", "serve")
    assert taken.returncode == 3
    assert str(world.filter.proxy) in taken.stderr
    (tmp_path / "off.yaml").write_text("language: en\n")
    off = filterd("http", "serve", "-c", str(tmp_path / "off.yaml"))
    assert (off.returncode, "listens nowhere" in off.stderr) == (2, True)


def test_without_rules_nobody_is_let_through_and_it_says_so(tmp_path, http_python):
    proxy = free_port()
    settings = {"listen": {"explicit": [f"127.0.0.1:{proxy}"]}, "python": http_python}
    config = {"state_dir": str(tmp_path / "state"), "language": "en", "http": settings}
    (tmp_path / "filterd.yaml").write_text(json.dumps(config))
    with http_filter(tmp_path, proxy) as alone:
        assert eventually(lambda: "no rules were handed over yet" in alone.log)
        assert "\n503 " in alone.curl("http://open.site.example/").stdout


def test_events_reach_the_daemon_with_their_rule(world):
    world.curl(world.http("blocked.site.example", "/secret?word"))

    def told():
        done = world.daemon.run("log", "--name", "blocked.site.example", "--json")
        rows = map(json.loads, done.stdout.splitlines())
        return [row for row in rows if (row["door"], row["client"]) == ("http", PUPIL)]

    row = eventually(told)[0]
    assert (row["kind"], row["list"]) == ("block", "local-block")
    assert "secret" not in (world.daemon.state / "log.sqlite").read_bytes().decode("latin-1")


def test_a_new_rule_is_in_force_without_a_restart(world):
    url = world.http("other.site.example")
    assert world.curl(url).stdout.endswith("\n200 000")
    assert world.daemon.run("rule", "block", "other.site.example").returncode == 0
    eventually(lambda: world.curl(url).stdout.endswith("\n403 000"))
    assert world.daemon.run("rule", "remove", "other.site.example").returncode == 0
    eventually(lambda: world.curl(url).stdout.endswith("\n200 000"))


def test_a_worker_that_dies_is_started_again(world):
    before = world.filter.workers()
    os.kill(before[0], signal.SIGKILL)
    eventually(lambda: len(set(world.filter.workers()) - set(before)) == 1)
    assert world.curl(world.http("open.site.example")).stdout == PAGE + "\n200 000"


@pytest.mark.http_core
def test_workers_are_renewed_while_a_download_goes_on(world):
    before = world.filter.workers()
    words = ["curl", "-sS", "--limit-rate", "4M", "-o", "/dev/null", "-w", "%{size_download}"]
    proxy = ("-x", f"http://127.0.0.1:{world.filter.proxy}")
    url = world.http("open.site.example", "/?size=24000000")
    with subprocess.Popen([*words, *proxy, url], stdout=subprocess.PIPE) as download:
        world.filter.process.send_signal(signal.SIGHUP)
        eventually(lambda: not set(before) & set(world.filter.workers()), 60)
        assert download.communicate(timeout=30)[0] == b"24000000"
    assert world.curl(world.http("open.site.example")).stdout == PAGE + "\n200 000"


@pytest.mark.http_core
def test_the_last_rules_go_on_without_the_daemon_and_workers_end_with_their_supervisor(world):
    assert world.curl(world.http("open.site.example")).stdout == PAGE + "\n200 000"
    world.daemon.process.kill()
    world.daemon.process.wait()
    answers = {world.curl(world.http("open.site.example")).stdout for _ in range(4)}
    assert PAGE + "\n200 000" in answers
    for _ in range(4):
        assert world.curl(world.http("blocked.site.example")).stdout.endswith("\n403 000")
    workers = world.filter.workers()
    world.filter.process.kill()
    world.filter.process.wait()
    eventually(lambda: all(gone(pid) for pid in workers))
