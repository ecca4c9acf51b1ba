"""Changes while questions come in: none is lost, a bad one changes nothing, and it is said."""

import json
import signal
import time

import pytest

from filterd.control.client import call
from tests.support.dnsclient import data_of, ede_of
from tests.support.load import Load
from tests.support.node import eventually, node, start, wait_for

pytestmark = pytest.mark.real
NAMES = ("www.example.com", "other.example.com", "games.example.com", "below.bad.example.com")


def policy(resolver, **more):
    return {
        "upstream": {"servers": [f"127.0.0.1:{resolver.port}"]},
        "default_group": "g",
        "groups": {"g": {"age": 10}, "staff": {"age": 18, "networks": ["127.0.0.18/32"]}},
        **more,
    }


@pytest.fixture(scope="module")
def one_node(tmp_path_factory, resolver):
    with node(tmp_path_factory.mktemp("node"), policy(resolver)) as one:
        one.base = one.config.read_text()
        yield one


@pytest.fixture
def running(one_node):
    """The one node of this file, as it was at its start."""
    one_node.config.write_text(one_node.base)
    for name in ("overrides.jsonl", "local-rules.jsonl"):
        (one_node.state / name).unlink(missing_ok=True)
    one_node.reload()
    return one_node


@pytest.fixture
def own(tmp_path, resolver):
    """A node that the test may end."""
    with node(tmp_path, policy(resolver)) as one:
        yield one


def generation(running):
    return running.status()["generation"]


def test_reload_by_command_under_load(running):
    with Load(running.port, NAMES) as load:
        for number in range(6):
            running.write({"block": ["bad.example.com"] if number % 2 == 0 else []})
            if number == 0:
                done = running.run("reload", "--json")
                assert done.returncode == 0, done.stderr
            else:
                running.reload()
            want = ["0.0.0.0"] if number % 2 == 0 else ["192.0.2.66"]
            assert data_of(running.ask("bad.example.com")) == want
    assert load.wrong == []
    assert load.answered == load.asked > 100
    assert load.seen["below.bad.example.com"] == {"0.0.0.0", "192.0.2.67"}
    assert load.seen["www.example.com"] == {"192.0.2.1"}


def test_hangup_under_load(running):
    before = generation(running)
    with Load(running.port, NAMES) as load:
        running.write({"block": ["www.example.com"]})
        running.hangup()
        eventually(lambda: generation(running) > before)
        assert data_of(running.ask("www.example.com")) == ["0.0.0.0"], "cached names too"
    assert load.wrong == []


def test_a_bad_file_changes_nothing_and_is_explained(running):
    running.reload({"block": ["bad.example.com"]})
    before = generation(running)
    good = running.config.read_text()
    running.write({"block": ["not a name"], "languge": "en"})
    with Load(running.port, NAMES) as load:
        done = running.run("reload")
    assert done.returncode != 0
    assert "block" in done.stderr
    assert "languge" in done.stderr
    assert load.wrong == []
    assert generation(running) == before
    assert data_of(running.ask("bad.example.com")) == ["0.0.0.0"]
    # A signal has nobody to answer to, so the fault stays visible until a good one comes.
    running.hangup()
    code, why = eventually(lambda: page if (page := running.http("/readyz"))[0] == 503 else None)
    assert code == 503
    assert "languge" in why
    assert data_of(running.ask("bad.example.com")) == ["0.0.0.0"]
    running.config.write_text(good)
    running.hangup()
    eventually(lambda: running.http("/readyz")[0] == 200)


def test_an_empty_or_missing_file_changes_nothing(running):
    running.config.rename(running.config.with_suffix(".away"))
    running.hangup()
    eventually(lambda: running.http("/readyz")[0] == 503)
    assert data_of(running.ask("www.example.com")) == ["192.0.2.1"]


def test_what_needs_a_restart_is_said(running):
    running.write({"cache": {"size": "8MiB"}})
    done = running.run("reload")
    assert done.returncode == 0
    assert "needs a restart: cache" in done.stdout


def test_other_upstreams_and_records_by_reload(running, resolver):
    assert running.ask("printer.example.com").rcode() == 3
    running.write({"records": ["printer.example.com A 192.0.2.77"]})
    running.reload()
    assert data_of(running.ask("printer.example.com")) == ["192.0.2.77"]
    running.write(
        {"upstream": {"servers": [f"tcp://127.0.0.1:{resolver.port}"]}, "records": []},
    )
    with Load(running.port, NAMES) as load:
        running.reload()
        assert running.ask("printer.example.com").rcode() == 3
    assert load.wrong == []
    assert (
        running.metric(f'filterd_upstream_queries_total{{server="tcp://127.0.0.1:{resolver.port}')
        > 0
    )


def test_an_override_takes_effect_and_expires(running):
    running.reload({"block": ["bad.example.com"]})
    ends = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() + 5))
    line = {"name": "bad.example.com", "expires": ends, "reason": "a lesson", "by": "teacher"}
    (running.state / "overrides.jsonl").write_text(json.dumps(line) + "\n")

    def asked():
        return data_of(running.ask("bad.example.com"))

    eventually(lambda: asked() == ["192.0.2.66"])
    eventually(lambda: asked() == ["0.0.0.0"])


def test_an_override_by_command(running):
    running.reload({"block": ["bad.example.com"]})
    done = running.run(
        "override", "add", "bad.example.com", "--for", "1h", "--reason", "x", "--group", "staff"
    )
    assert done.returncode == 0, done.stderr
    eventually(
        lambda: data_of(running.ask("bad.example.com", source="127.0.0.18")) == ["192.0.2.66"]
    )
    assert data_of(running.ask("bad.example.com")) == ["0.0.0.0"]
    assert running.run("override", "remove", "bad.example.com").returncode == 0
    eventually(lambda: data_of(running.ask("bad.example.com", source="127.0.0.18")) == ["0.0.0.0"])


def test_a_command_is_in_force_when_it_returns(running):
    """Cached names too, while others are answered; and it is on disk by then."""
    assert data_of(running.ask("www.example.com")) == ["192.0.2.1"]
    with Load(running.port, NAMES) as load:
        block = {"name": "www.example.com", "action": "block", "by": "operator"}
        for _ in range(20):
            call(running.folder / "control.sock", "rule-add", block)
            assert data_of(running.ask("www.example.com")) == ["0.0.0.0"]
            call(running.folder / "control.sock", "rule-remove", {"name": "www.example.com"})
            assert data_of(running.ask("www.example.com")) == ["192.0.2.1"]
    assert load.wrong == []
    assert load.answered == load.asked
    done = running.run("rule", "block", "www.example.com", "--reason", "x")
    assert done.returncode == 0, done.stderr
    assert "in force: generation" in done.stdout
    assert data_of(running.ask("www.example.com")) == ["0.0.0.0"]
    running.process.send_signal(signal.SIGKILL)
    running.process.wait()
    running.process = start(running.folder)
    wait_for(running, "/readyz")
    assert data_of(running.ask("www.example.com")) == ["0.0.0.0"]
    assert running.run("rule", "remove", "www.example.com").returncode == 0
    assert data_of(running.ask("www.example.com")) == ["192.0.2.1"]


def test_a_command_that_makes_no_sense_is_refused_by_the_daemon(running):
    before = generation(running)
    done = running.run("rule", "block", "www.example.com", "--group", "nobody")
    assert (done.returncode, "known are" in done.stderr) == (2, True), done.stderr
    assert generation(running) == before


def test_a_line_of_the_overrides_that_does_not_read_takes_none_away(running):
    running.reload({"block": ["bad.example.com"]})
    good = {"name": "bad.example.com", "expires": "2099-01-01", "reason": "r", "by": "b"}
    (running.state / "overrides.jsonl").write_text("nonsense\n" + json.dumps(good) + "\n")
    eventually(lambda: data_of(running.ask("bad.example.com")) == ["192.0.2.66"])
    assert "overrides: line 1" in running.log


def test_killed_and_started_again(own):
    own.reload({"block": ["bad.example.com"]})
    with Load(own.port, NAMES):
        eventually(lambda: own.metric("filterd_queries_total") > 50)
        own.process.send_signal(signal.SIGKILL)
        own.process.wait()
    own.process = start(own.folder)
    wait_for(own, "/readyz")
    assert data_of(own.ask("bad.example.com")) == ["0.0.0.0"]
    assert own.run("reload", "--status").returncode == 0
    assert own.status()["not_ready"] == []


def test_stopped_by_a_signal_it_ends_with_0(own):
    own.process.terminate()
    assert own.process.wait(10) == 0
    assert "Traceback" not in own.log


def test_an_address_that_is_taken_ends_the_start_with_3(running):
    done = running.run("serve")
    assert done.returncode == 3
    assert str(running.port) in done.stderr
    assert "Traceback" not in done.stderr
    assert data_of(running.ask("www.example.com")) == ["192.0.2.1"]
    assert running.status()["not_ready"] == [], "the socket of the first still works"


def test_query_says_blocked_with_1(running):
    running.reload({"block": ["bad.example.com"]})
    done = running.run("query", "bad.example.com", "--json")
    assert (done.returncode, json.loads(done.stdout)["blocked"]) == (1, True)
    done = running.run("query", "www.example.com", "--tcp", "--json")
    assert (done.returncode, json.loads(done.stdout)["answers"][0]["data"]) == (0, "192.0.2.1")
    assert ede_of(running.ask("bad.example.com")) == 17


def test_log_shows_counts_and_nobody(own):
    own.reload({"block": ["bad.example.com"]})
    own.ask("bad.example.com", source="127.0.0.18")

    def rows():
        return [json.loads(r) for r in own.run("log", "--json").stdout.splitlines()]

    found = rows()
    assert [row["n"] for row in found if row["kind"] == "block"] == [1], "counted up to now"
    own.ask("bad.example.com", source="127.0.0.18")
    own.process.terminate()
    own.process.wait(10)
    found = rows()
    assert [row["n"] for row in found if row["kind"] == "block"] == [2], "written at the end"
    assert "127.0.0.18" not in json.dumps(found)
