"""What leaves a real node for a hub: exactly once, whatever is killed or cut in between."""

import json
import time

import pytest

from filterd.cli.demo_world import CANARIES, ORIGIN, make_world, order
from filterd.control.client import call
from filterd.feed.follow import LogKey
from filterd.feed.keys import open_key, public_key
from filterd.feed.publish import Log
from filterd.report.batch import Band
from filterd.report.query import Filter, read
from tests.support.dnsclient import ede_of
from tests.support.node import eventually, node, start, stop, wait_for
from tests.support.receiving import Hub, receiving

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def settings(resolver):
    return {
        "upstream": {"servers": [f"127.0.0.1:{resolver.port}"]},
        "default_group": "Lớp 3A của cô Lan",
        "groups": {
            "Lớp 3A của cô Lan": {"age": 8, "block": ["bad.example.com"]},
            "staff": {"age": 18},
        },
        "report": {"every": "500ms"},
    }


def enrolled(folder, settings, hub):
    return node(folder, settings | {"feed": {"hub": hub.url}})


def settle(one, total, *, made):
    """Have all that was counted written down: as a batch (`made`), or as it is counted. Threads
    tell what they counted in turn, so the local log is asked until it has `total`, in this and
    earlier lives; the spool gets what it gets.
    """
    assert eventually(lambda: call(one.folder / "control.sock", "report-status"))
    call(one.folder / "control.sock", "report-next" if made else "log-settle")
    assert eventually(lambda: logged(one) == total)
    assert call(one.folder / "control.sock", "report-status")["spool"]["problem"] is None


def logged(one):
    call(one.folder / "control.sock", "log-settle")
    return sum(
        row.n for row in read(one.state / "log.sqlite", Filter(kind="block", name="bad.example"))
    )


def waiting(one):
    return json.loads(one.run("report", "status", "--json").stdout)


def ask(one, name, times):
    for _ in range(times):
        one.ask(name)


def test_counts_arrive_once_enrolled_and_name_nobody(tmp_path, settings):
    with receiving(Hub()) as hub, enrolled(tmp_path, settings, hub) as one:
        for number in range(1, 10):
            one.ask("bad.example.com", source=f"127.0.0.{number}")
        ask(one, "www.example.com", 2)
        assert eventually(lambda: "not enrolled" in one.run("report", "status").stdout)
        refused = one.run("feed", "enrol", "another")
        assert refused.returncode == 2
        assert "code" in refused.stderr
        assert not hub.batches
        said = one.run("feed", "enrol", hub.code)
        assert said.returncode == 0, said.stderr
        assert "public key" in said.stdout
        assert "A school" in said.stdout
        assert eventually(lambda: hub.counted() == 11, seconds=30)
        assert hub.by_rule() == {("own", "6-10", "block"): 9, ("", "6-10", "pass"): 2}
        bands = {row.clients for b in hub.batches.values() for row in b.rows if row.rule}
        assert Band.SOME in bands, "nine devices, however many portions they came in"
        assert hub.faults == []
        sent = b"".join(hub.bodies)
        for word in ("bad.example", "www.example", "127.0.0.1", "Lan", "3A", "staff"):
            assert word.encode() not in sent
        assert eventually(lambda: one.metric("filterd_report_sent_total") >= 1)
        assert one.metric("filterd_report_sending_problem") == 0


def test_what_is_shown_is_what_leaves(tmp_path, settings):
    hub = Hub()
    with receiving(hub), enrolled(tmp_path, settings, hub) as one:
        ask(one, "bad.example.com", 4)
        assert eventually(lambda: "own" in one.run("report", "--show-next").stdout)
        shown = one.run("report", "--show-next", "--json").stdout.splitlines()
        one.run("feed", "enrol", hub.code)
        assert eventually(lambda: hub.bodies, seconds=30)
        assert hub.bodies[0].decode() == shown[0]


def test_a_hub_that_is_down_or_busy_costs_nothing(tmp_path, settings):
    hub = Hub()
    with receiving(hub), enrolled(tmp_path, settings, hub) as one:
        one.run("feed", "enrol", hub.code)
        ask(one, "bad.example.com", 1)
        assert eventually(lambda: hub.counted() == 1, seconds=30)
        before = len(hub.requests)
        hub.answers += [(503, {"Retry-After": "2"}), (500, {}), "cut", "deaf", (429, {})]
        ask(one, "bad.example.com", 10)
        assert eventually(lambda: hub.counted() == 11, seconds=60)
        times = [at for _, at in hub.requests[before:]]
        assert times[1] - times[0] >= 2.0, "Retry-After is honoured"
        assert eventually(lambda: "problem" not in one.run("report", "status").stdout, seconds=60)


def test_one_batch_that_is_refused_does_not_stand_in_the_way(tmp_path, settings):
    hub = Hub()
    with receiving(hub), enrolled(tmp_path, settings, hub) as one:
        one.run("feed", "enrol", hub.code)
        assert eventually(lambda: one.run("report", "status").returncode == 0)
        hub.answers.append((422, {}))
        ask(one, "bad.example.com", 1)
        assert eventually(lambda: one.metric('filterd_report_refused_total{lane="batches"}') == 1)
        ask(one, "bad.example.com", 2)
        assert eventually(lambda: hub.counted() == 2, seconds=30)
        assert "told to" in one.log


@pytest.mark.timeout(240)  # seven starts of a node, and pauses that grow when a hub is not heard
def test_killed_at_any_moment_nothing_is_lost_or_doubled(tmp_path, settings):
    hub, total = Hub(), 0
    with receiving(hub), enrolled(tmp_path, settings, hub) as one:
        one.run("feed", "enrol", hub.code)
        for round_, delay in enumerate((0.0, 0.2, 0.4, 0.6, 0.8, 1.0)):
            hub.answers += ["cut", (503, {}), "deaf"][round_ % 3 : round_ % 3 + 1]
            asked = 5 + round_
            ask(one, "bad.example.com", asked)
            total += asked
            settle(one, total, made=round_ % 2 == 0)
            time.sleep(delay)
            one.process.kill()
            one.process.wait()
            one.process = start(one.folder)
            wait_for(one, "/readyz")
        assert eventually(lambda: hub.counted() == total, seconds=60)
        time.sleep(2)  # and nothing twice
        assert hub.counted() == total
        assert hub.faults == []
        numbers = sorted(number for _, _, number in hub.batches)
        assert numbers == list(range(len(numbers))), "no gap in the chain"
        stop(one.process)


def test_receipts_and_counts_of_an_order_arrive(tmp_path, settings):
    now = int(time.time())
    world = make_world(tmp_path / "ministry", now)
    keeper = open_key(world.log_key, world.passphrase.read_text().strip())
    log = Log.open(world.feed, LogKey(ORIGIN, public_key(keeper)), keeper, CANARIES)
    feed = {"url": f"file://{world.feed}", "root": str(world.root), "poll": "300ms"}
    hub = Hub()
    with receiving(hub):
        changed = settings | {"feed": feed | {"hub": hub.url}}
        with node(tmp_path / "node", changed) as one:
            act = world.signed(order("17", ("games.example.com",), now), now)
            log.append([act], now, "abc123")
            assert eventually(lambda: ede_of(one.ask("games.example.com")) == 16)
            asked = 1 + sum(ede_of(one.ask("games.example.com")) == 16 for _ in range(5))
            assert eventually(lambda: waiting(one)["receipts"]["waiting"])
            assert "seen in force" in one.run("report", "--show-next").stdout
            one.process.kill()
            one.process.wait()
            one.process = start(one.folder)
            wait_for(one, "/readyz")
            one.run("feed", "enrol", hub.code)
            assert eventually(lambda: hub.receipts, seconds=30)
            assert {size for _, size in hub.receipts} == {1}
            rule = "order:ministry/17"
            assert eventually(lambda: hub.counted(rule=rule) >= asked, seconds=30)
            assert hub.by_rule()[rule, "6-10", "block"] == asked
            assert not any("canary" in row.rule for b in hub.batches.values() for row in b.rows)
            stop(one.process)
