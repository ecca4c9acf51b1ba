"""The whole loop while it is killed and cut: hub, its workers, nodes, the link between them."""

import json
import os
import signal
import socket
import statistics
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import func, select

from filterd.hub.database import open_database
from filterd.hub.tables import batches, counts, nodes, orders, receipts, segments
from tests.e2e.test_feed import is_blocked
from tests.e2e.test_hub import published
from tests.e2e.test_reports import settle
from tests.support.databases import database_url
from tests.support.flaky import link
from tests.support.hub import RunningHub
from tests.support.nats import broker
from tests.support.needs import program
from tests.support.nginx import before_hub
from tests.support.node import eventually, node, start, wait_for
from tests.support.servers import connects

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
# Bytes up, bytes down, seconds before each piece. Up: in the head of a request, in its body; down:
# in the head of an answer, in a body, in the middle of a stream of events.
FAULTS = (
    (None, None, 0.02),
    (300, None, 0),
    (None, 90, 0),
    (900, None, 0.01),
    (None, 700, 0),
    (None, 2500, 0.005),
    (None, 0, 0),
)
LONG = 60.0


def settings(resolver, hub, url):
    return {
        "upstream": {"servers": [f"127.0.0.1:{resolver.port}"]},
        "default_group": "g",
        "groups": {"g": {"age": 8, "block": ["bad.example.com"]}},
        "report": {"every": "500ms"},
        "feed": {"root": str(hub.world.root), "url": f"{url}/feed", "hub": url, "poll": "1s"},
    }


def workers_of(process):
    """The hub's workers, by the system's table of processes."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = file.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        if int(words[1]) == process.pid and words[0] != "Z":
            found.append(int(file.parent.name))
    return found


def value(hub, what):
    database = open_database(hub.database)
    with database.read() as connection:
        found = connection.execute(select(what)).scalar()
    database.close()
    return found


def number(hub, table):
    return value(hub, func.count().select().select_from(table).scalar_subquery())


def enrol(hub, one, name):
    said = {"name": name, "province": "79"}
    code = hub.post("/v1/invitations", said, hub.operator).json["code"]
    assert eventually(lambda: one.run("feed", "enrol", code).returncode == 0, LONG)


def revive(one):
    one.process.kill()
    one.process.wait()
    one.process = start(one.folder)
    wait_for(one, "/readyz")


def taken(hub, signed, officer):
    """Hand an order in until it is taken, whatever falls meanwhile."""

    def once():
        try:
            return hub.submit(signed, officer).status in {200, 202}
        except (OSError, ValueError):
            return False

    return eventually(once, LONG)


def test_hub_and_nodes_killed_in_a_burst_over_a_flaky_link_lose_and_double_nothing(
    tmp_path, resolver
):
    """Two hub processes behind nginx on PostgreSQL; one node over a link that cuts."""
    hub = RunningHub(tmp_path / "hub", database_url("postgresql", tmp_path), workers=2)
    with ExitStack() as stack:
        port = stack.enter_context(before_hub(tmp_path / "nginx", hub.port))
        bad = stack.enter_context(link(port, *FAULTS))
        serving = ExitStack()
        process = serving.enter_context(hub.serving())
        officer = hub.person("Officer", "officer")
        good = f"http://127.0.0.1:{port}"
        far = stack.enter_context(node(tmp_path / "far", settings(resolver, hub, bad.url)))
        near = stack.enter_context(node(tmp_path / "near", settings(resolver, hub, good)))
        for one, name in ((far, "Far"), (near, "Near")):
            enrol(hub, one, name)
        asked = {"far": 0, "near": 0}
        names = []
        for round_ in range(4):
            for at in range(2):
                names.append(f"r{round_}-{at}.example.com")
                signed = hub.order(names[-1], urgent=at == 0)
                assert taken(hub, signed, officer)
            for one, name in ((far, "far"), (near, "near")):
                for _ in range(7 + round_):
                    one.ask("bad.example.com")
                asked[name] += 7 + round_
                settle(one, asked[name], made=round_ % 2 == 0)
            if round_ == 0:
                os.kill(workers_of(process)[0], signal.SIGKILL)
                revive(near)
            elif round_ == 1:  # the whole hub; its workers see it, and let the address go
                process.kill()
                process.wait()
                assert eventually(lambda: not connects(hub.port))
                process = serving.enter_context(hub.serving())
                revive(far)
            elif round_ == 2:
                for each in workers_of(process):
                    os.kill(each, signal.SIGKILL)
                revive(far)
        bad.calm = True
        stack.enter_context(serving)
        for one in (far, near):
            for name in names:
                assert eventually(lambda one=one, name=name: is_blocked(one, name), LONG), name
        assert bad.cuts > 5, "it was a bad link"
        assert eventually(lambda: published(hub) == len(names))
        # Receipts for what was not urgent may wait for others: this one takes them along.
        names.append("last.example.com")
        assert taken(hub, hub.order(names[-1]), officer)
        assert eventually(lambda: published(hub) == len(names))
        assert published(hub) == len(names)
        assert number(hub, orders) == len(names)
        assert eventually(lambda: number(hub, segments) == hub.size)
        whole = sum(asked.values())
        assert eventually(lambda: value(hub, own()) == whole, LONG)
        for_each = select(receipts.c.node).where(receipts.c.size == hub.size).subquery()
        assert eventually(lambda: number(hub, for_each) == 2, LONG)
        for one in (far, near):
            assert eventually(lambda one=one: waits(one) == 0, LONG)
        assert value(hub, own()) == whole, "and nothing twice"
        assert value(hub, func.max(twice())) == 1
        assert set(chains(hub)) == {"whole"}
        # A part of a file does not read, and a late event is older than what is here; but nothing
        # that was only cut or late is taken for another history.
        for fault in ("tampered", "split-view", "unsigned", "diverged", "mixed"):
            found = far.metric(f'filterd_feed_refused_total{{fault="{fault}"}}')
            assert found == 0, fault


def own():
    return func.sum(counts.c.count).filter(counts.c.rule == "own")


def twice():
    """How often a node sent a receipt for one position; a column of the hub's would not allow it."""
    grouped = select(func.count().label("n")).group_by(receipts.c.node, receipts.c.size)
    return grouped.select_from(receipts).subquery().c.n


def chains(hub):
    database = open_database(hub.database)
    with database.read() as connection:
        found = list(connection.execute(select(batches.c.chain)).scalars())
    database.close()
    return found


def waits(one):
    told = json.loads(one.run("report", "status", "--json").stdout)
    return told["receipts"]["waiting"] + told["spool"]["batches"]


def test_hub_and_nats_killed_while_nodes_send_lose_and_double_nothing(tmp_path):
    url = database_url("postgresql", tmp_path)
    with broker(tmp_path) as server:
        hub = RunningHub(tmp_path / "hub", url, nats=server.url)
        sent, proofs = [], []
        for round_ in range(4):
            with hub.serving() as process:
                if round_ == 0:
                    school = [hub.node(f"S{at}") for at in range(3)]
                for one in school:
                    sent.append((one, one.batch(count=round_ + 1)))
                    proofs.append((one, one.receipt(round_)))
                for one, sealed in sent[-3:]:
                    one.report(sealed)
                one, sealed = proofs[-1]
                one.receipts(sealed)
                if round_ == 1:
                    server.kill()
                    assert one.report(one.batch(sequence=99)).status == 503
                    one.sequence -= 1
                    server.start()
                process.kill()
                process.wait()
        with hub.serving():
            for one, sealed in sent:
                assert eventually(lambda one=one, it=sealed: one.report(it).status == 200, LONG)
            for one, sealed in proofs:
                assert eventually(lambda one=one, it=sealed: one.receipts(it).status == 200, LONG)
            # What a killed hub had taken is delivered again after a while, perhaps more than once.
            assert eventually(lambda: number(hub, batches) == len(sent), 2 * LONG)
            assert eventually(lambda: number(hub, receipts) == len(proofs), LONG)
            assert value(hub, own()) == 3 * (1 + 2 + 3 + 4)


def test_one_bad_node_cannot_slow_the_others(tmp_path):
    """All that a node with a key can do to a hub at once; the others' requests are all taken, and
    are compared with what they took before.
    """
    limits = {"body_time": "2s"}
    hub = RunningHub(tmp_path / "hub", "sqlite:///hub.db", limits=limits)
    with hub.serving():
        school, bad = [hub.node(f"S{at}") for at in range(12)], hub.node("Bad")
        calm = [timed(one, 0) for one in school]
        stop, answers = threading.Event(), []

        def flood():
            held = [slow_body(hub.port) for _ in range(10)]
            sealed, forged = bad.batch(), bad.batch()
            forged["batch"]["dropped"] = 5
            while not stop.is_set():
                try:
                    answers.append(bad.report(sealed).status)
                    answers.append(bad.report(forged).status)
                    answers.append(bad.send("/v1/reports", None, content=b"{" * 2**19).status)
                except OSError:
                    answers.append(0)
            for each in held:
                each.close()

        floods = [threading.Thread(target=flood) for _ in range(3)]
        for each in floods:
            each.start()
        assert eventually(lambda: 429 in answers)
        busy = [timed(one, 1) for one in school]
        stop.set()
        for each in floods:
            each.join(60)
        assert len(busy) == len(school), "each was taken, the first time"
        # A test's own threads and the hub share the processors, so this is a bound, not a figure.
        assert statistics.median(busy) < 50 * max(statistics.median(calm), 0.01)
        assert answers.count(429) > len(answers) / 2, "told to wait, most of the time"
        assert timed(school[0], 2) < 5


def timed(one, size):
    """Seconds until the hub has taken a receipt."""
    sealed, began = one.receipt(size), time.monotonic()
    answer = one.receipts(sealed)
    assert (answer.status, answer.json["taken"]) == (200, 1)
    return time.monotonic() - began


def slow_body(port):
    raw = socket.create_connection(("127.0.0.1", port), timeout=20)
    raw.sendall(b"POST /v1/enrol HTTP/1.1\r\nHost: hub\r\nContent-Length: 1000\r\n\r\n{")
    return raw


def test_the_clock_of_a_node_is_told_and_not_trusted(tmp_path, resolver):
    """A real node two hours ahead: orders come, its reports wait, and both sides say why."""
    program("faketime", "faketime")
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    how = (f"LD_PRELOAD={library}", "FAKETIME=+2h", "FAKETIME_DONT_FAKE_MONOTONIC=1")
    ahead = ("env", *how)  # which becomes the daemon; faketime stays, and would be killed instead
    hub = RunningHub(tmp_path / "hub", database_url("sqlite", tmp_path))
    with hub.serving():
        officer, url = hub.person("Officer", "officer"), f"http://127.0.0.1:{hub.port}"
        with node(tmp_path / "node", settings(resolver, hub, url)) as one:
            enrol(hub, one, "Ahead")
            assert taken(hub, hub.order("www.example.com"), officer)
            assert eventually(lambda: is_blocked(one, "www.example.com"))
            assert eventually(lambda: number(hub, receipts) == 1, LONG)
            one.process.kill()
            one.process.wait()
            one.process = start(one.folder, ahead)
            wait_for(one, "/readyz")
            assert is_blocked(one, "www.example.com")
            one.ask("bad.example.com")
            told = lambda: value(hub, nodes.c.skew)  # noqa: E731
            assert eventually(lambda: 7000 < told() < 7400, LONG)
            assert eventually(lambda: 7000 < one.metric("filterd_feed_clock_skew") < 7400, LONG)
            assert taken(hub, hub.order("games.example.com"), officer)
            assert eventually(lambda: is_blocked(one, "games.example.com"), LONG)
            assert value(hub, func.max(receipts.c.size)) == 1, "a time that cannot be is no proof"
            one.process.kill()
            one.process.wait()
            one.process = start(one.folder)
            wait_for(one, "/readyz")
            one.ask("bad.example.com")
            assert eventually(lambda: value(hub, own()), LONG)
            assert eventually(lambda: abs(told()) < 60)
