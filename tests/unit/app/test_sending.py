"""The sender against a real server on loopback: order, bad ones, clocks, enrolment."""

import asyncio
import time
from contextlib import asynccontextmanager, contextmanager
from types import SimpleNamespace

import httpx
import pytest

from filterd.app.enrolling import EnrolmentError, enrol, wanted
from filterd.app.reporting import Reporting
from filterd.app.sending import LOOK, Sender
from filterd.app.site_days import keep_day
from filterd.app.site_telling import TOLD
from filterd.bypass.book import FILE, Book
from filterd.bypass.signals import Signal
from filterd.config.report import ReportConfig
from filterd.core import IndexBuilder
from filterd.feed.outbox import Outbox
from filterd.feed.receipt import Receipt, sign_receipt
from filterd.http.labels.unlabelled import DAY, DayCount
from filterd.model.group import Category, Group
from filterd.policy.classes import Origin, RuleClass
from filterd.report.privacy import Level
from tests.support.receiving import Hub, receiving

RULES = (RuleClass(Origin.LIST, list="x", category="games"),)


def now():
    """The receiver's clock is the real one, and this file may be read long before it is run."""
    return int(time.time())


def slot():
    return now() // 300 * 300


def stand_in(folder, hub, **report):
    """The parts of a node that reporting reads."""
    builder = IndexBuilder()
    builder.add_name("known.example", 1, 0)
    index = builder.finish("{}")
    return SimpleNamespace(
        config=SimpleNamespace(
            feed=SimpleNamespace(hub=hub.url), report=ReportConfig(**{"every": 1.0} | report)
        ),
        paths=SimpleNamespace(state=folder),
        book=SimpleNamespace(categories=(Category("games", 12),)),
        ruling=SimpleNamespace(
            school=SimpleNamespace(groups=(Group("g", 8),)),
            ground=SimpleNamespace(indexes=(index,)),
            ordered=SimpleNamespace(indexes=(index,)),
        ),
        recorder=SimpleNamespace(level=SimpleNamespace(value="aggregates")),
        sampled=[],
        class_of=lambda _made, number: RULES[number],
        flush_events=lambda: None,
    )


@contextmanager
def enrolled(folder, **report):
    hub = Hub()
    with receiving(hub):
        node = stand_in(folder, hub, **report)
        reporting = Reporting(node, Outbox(folder / "feed/receipts"), now())
        enrol(hub.url, wanted(hub.code, folder / "feed"), folder / "feed", now())
        hub.requests.clear()
        yield hub, node, reporting


@asynccontextmanager
async def sender_of(node, reporting):
    async with httpx.AsyncClient() as client:
        yield Sender(node, reporting, client)


def send(node, reporting):
    async def once():
        async with sender_of(node, reporting) as sender:
            return await sender.step()

    return asyncio.run(once())


def receipt(reporting, size, **changed):
    at = now() * 1000
    plain = {"root": bytes(32), "state": bytes(32), "received_at": at, "applied_at": at,
             "observed_at": at, "refused": 0, "software": "test", "node": reporting.id}  # fmt: skip
    return sign_receipt(Receipt(size=size, **plain | changed), reporting.signer)


def count(reporting, n=1, kind="block"):
    reporting.take_counts([(slot(), kind, 7, 0, "g", "bad.example", n, 1, 1)])


def test_receipts_go_before_counts_and_counts_before_candidates(tmp_path):
    with enrolled(tmp_path, candidates=True) as (hub, node, reporting):
        many = [("a.new.example", 1 << bit, False) for bit in range(20)]
        known = [("a.known.example", 1 << bit, False) for bit in range(20)]
        (take,) = node.sampled
        take(many + known)
        reporting.look_for_candidates(now() + 86_400)
        count(reporting, 5)
        reporting.outbox.put(receipt(reporting, 1))
        assert send(node, reporting) is None
        assert [path for path, _ in hub.requests] == ["/v1/receipts", "/v1/reports", "/v1/reports"]
        batches = sorted(hub.batches.values(), key=lambda each: each.sequence)
        assert [each.lane.value for each in batches] == ["candidates", "counts"]
        assert [each.domain for each in batches[0].candidates] == ["new.example"]
        assert hub.by_rule() == {("category:games", "6-10", "block"): 5}
        assert reporting.sent.problem is None
        assert reporting.numbers(now())["sent"] == {"batches": 2, "receipts": 1}


def test_many_receipts_go_in_few_requests(tmp_path):
    with enrolled(tmp_path) as (hub, node, reporting):
        for size in range(1, 131):
            reporting.outbox.put(receipt(reporting, size))
        send(node, reporting)
        assert len(hub.receipts) == 130
        assert len(hub.requests) == 3


def test_a_receipt_that_is_refused_does_not_stand_in_the_way(tmp_path):
    with enrolled(tmp_path) as (hub, node, reporting):
        forged = receipt(reporting, 2)
        forged["signature"] = "00" * 64
        for sealed in (receipt(reporting, 1), forged, receipt(reporting, 3)):
            reporting.outbox.put(sealed)
        assert send(node, reporting) is None
        assert sorted(size for _, size in hub.receipts) == [1, 3]
        assert reporting.outbox.refused == 1
        assert reporting.outbox.sizes == []


def test_without_enrolment_nothing_is_sent(tmp_path):
    hub = Hub()
    with receiving(hub):
        node = stand_in(tmp_path, hub)
        reporting = Reporting(node, Outbox(tmp_path / "feed/receipts"), now())
        count(reporting)
        assert send(node, reporting) == LOOK
        assert hub.requests == []
        assert "feed enrol" in reporting.sent.problem


def test_a_hub_that_does_not_know_the_node_is_asked_again_later(tmp_path):
    with enrolled(tmp_path) as (hub, node, reporting):
        hub.keys.clear()
        count(reporting)
        assert send(node, reporting) > 0
        assert "not enrolled" in reporting.sent.problem
        assert reporting.spool.status.batches == 1


def test_a_hub_that_is_not_there_costs_nothing(tmp_path):
    with enrolled(tmp_path) as (_hub, node, reporting):
        pass
    count(reporting)
    assert send(node, reporting) > 0
    assert "cannot be reached" in reporting.sent.problem
    assert reporting.spool.status.batches == 1


@pytest.mark.parametrize("status", [409, 413, 422])
def test_a_batch_that_is_refused_is_set_aside_and_the_next_goes(tmp_path, status):
    with enrolled(tmp_path) as (hub, node, reporting):
        count(reporting, 1)
        hub.answers.append((status, {}))
        assert send(node, reporting) is None
        count(reporting, 2)
        send(node, reporting)
        assert hub.counted() == 2
        assert reporting.spool.status.refused == 1
        assert len(list((tmp_path / "report/aside").iterdir())) == 1


def test_what_is_refused_because_of_the_clock_is_kept(tmp_path):
    with enrolled(tmp_path) as (hub, node, reporting):
        count(reporting)
        hub.answers.append((422, {"Date": "Mon, 05 Jan 2026 00:00:00 GMT"}))
        assert send(node, reporting) > 0
        assert "clock" in reporting.sent.problem
        send(node, reporting)
        assert hub.counted() == 1


def test_the_wait_that_a_hub_asks_for_is_kept(tmp_path):
    with enrolled(tmp_path) as (hub, node, reporting):
        count(reporting)
        hub.answers.append((503, {"Retry-After": "90"}))
        assert 90 <= send(node, reporting) <= 108


def test_a_receipt_wakes_the_sender(tmp_path):
    with enrolled(tmp_path, every=3600.0) as (hub, node, reporting):

        async def live():
            async with sender_of(node, reporting) as sender:
                task = asyncio.create_task(sender.run())
                while not reporting.spool.status.epoch or reporting.sent.problem:
                    await asyncio.sleep(0.01)
                await asyncio.to_thread(reporting.outbox.put, receipt(reporting, 1))
                async with asyncio.timeout(20):
                    while not hub.receipts:
                        await asyncio.sleep(0.01)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

        asyncio.run(live())


def test_a_code_that_is_wrong_enrols_nobody(tmp_path):
    hub = Hub()
    with receiving(hub):
        with pytest.raises(EnrolmentError, match="ask for a new one"):
            enrol(hub.url, wanted("another", tmp_path / "feed"), tmp_path / "feed", now())
        assert not (tmp_path / "feed/enrolled.json").exists()
    with pytest.raises(EnrolmentError, match="cannot be reached"):
        enrol(hub.url, wanted(hub.code, tmp_path / "feed"), tmp_path / "feed", now())


def days_of_sites(folder):
    """Have yesterday's sites counted; the node began to report the day before."""
    day = now() // DAY * DAY - DAY
    (folder / "http").mkdir()
    keep_day(folder / "http", DayCount(day, 3, 40), whole=True)
    (folder / "report" / TOLD).write_text(f'{{"day": {day - DAY}}}')


def test_a_days_sites_go_with_the_counts(tmp_path):
    with enrolled(tmp_path) as (hub, node, reporting):
        days_of_sites(tmp_path)
        count(reporting, 5)
        send(node, reporting)
        assert hub.by_rule() == {
            ("sites:vn-labelled", "all", "pass"): 3,
            ("sites:vn-unlabelled", "all", "pass"): 40,
            ("category:games", "6-10", "block"): 5,
        }
        again = Reporting(node, Outbox(tmp_path / "feed/receipts"), now())
        send(node, again)
        assert hub.counted(rule="sites:vn-unlabelled") == 40


def test_at_the_level_none_no_sites_are_told(tmp_path):
    with enrolled(tmp_path) as (hub, node, reporting):
        days_of_sites(tmp_path)
        node.recorder.level = Level.NONE
        send(node, reporting)
        assert not hub.batches
        assert reporting.leaving(now()) == []


def a_day_of_signs(folder, reporting):
    """Have yesterday's signs counted; the node began to report then, and has heard of no hub."""
    day = now() // DAY * DAY - DAY
    reporting.look_for_signals(day)
    Book(folder / FILE).add({("g", Signal.VPN): 5, ("g", Signal.TOR): 2}, day + 1)


def send_twice(node, reporting):
    """What a hub takes is known from its first answer."""
    for number in (5, 6):
        count(reporting, number)
        send(node, reporting)


def test_a_days_signs_go_in_a_batch_of_their_own(tmp_path):
    with enrolled(tmp_path) as (hub, node, reporting):
        a_day_of_signs(tmp_path, reporting)
        send_twice(node, reporting)
        assert hub.by_rule() == {
            ("category:games", "6-10", "block"): 11,
            ("bypass:vpn", "6-10", "pass"): 5,
        }
        lanes = [hub.batches[key].lane.value for key in sorted(hub.batches)]
        assert sorted(lanes) == ["counts", "counts", "signals"]
        again = Reporting(node, Outbox(tmp_path / "feed/receipts"), now())
        send_twice(node, again)
        assert hub.counted(rule="bypass:vpn") == 5
        assert b"bypass:tor" not in b"".join(hub.bodies), "two an hour are no sign"


def test_a_hub_that_does_not_know_signs_is_sent_none_and_loses_no_count(tmp_path):
    with enrolled(tmp_path) as (hub, node, reporting):
        hub.takes = ""
        a_day_of_signs(tmp_path, reporting)
        send_twice(node, reporting)
        assert hub.counted() == 11
        assert hub.faults == []
        assert reporting.spool.status.refused == 0
        hub.takes = "signals and-what-comes-later"  # it was updated, and the day is told
        send_twice(node, reporting)
        count(reporting)
        send(node, reporting)
        assert hub.counted(rule="bypass:vpn") == 5


def test_a_hub_that_knows_signs_no_more_is_sent_none(tmp_path):
    with enrolled(tmp_path) as (hub, node, reporting):
        a_day_of_signs(tmp_path, reporting)
        reporting.takes = frozenset({"signals"})
        hub.takes = ""
        send_twice(node, reporting)
        assert hub.counted() == 11
        assert hub.faults == []
        assert reporting.spool.status.batches == 1, "made, and kept"
        again = Reporting(node, Outbox(tmp_path / "feed/receipts"), now())  # it was killed
        send(node, again)
        assert hub.faults == []
        hub.takes = "signals"
        send_twice(node, again)
        assert hub.counted(rule="bypass:vpn") == 5
        assert again.spool.status.batches == again.spool.status.refused == 0


def test_a_hub_that_took_signs_last_and_refuses_them_now_refuses_one_batch(tmp_path):
    with enrolled(tmp_path) as (hub, node, reporting):
        day = now() // DAY * DAY - 2 * DAY
        reporting.look_for_signals(day)
        for at in (day + 1, day + DAY + 1):
            Book(tmp_path / FILE).add({("g", Signal.VPN): 5}, at)
        reporting.takes = frozenset({"signals"})
        hub.takes = ""
        send(node, reporting)
        assert len(hub.faults) == reporting.spool.status.refused == 1
        hub.takes = "signals"
        send_twice(node, reporting)
        assert hub.counted(rule="bypass:vpn") == 5


def test_at_the_level_none_no_signs_are_told(tmp_path):
    with enrolled(tmp_path) as (hub, node, reporting):
        a_day_of_signs(tmp_path, reporting)
        node.recorder.level = Level.NONE
        send_twice(node, reporting)
        assert hub.counted(rule="bypass:vpn") == 0


def test_what_is_shown_is_what_is_sent(tmp_path):
    with enrolled(tmp_path) as (hub, node, reporting):
        reporting.outbox.put(receipt(reporting, 1))
        count(reporting, 7)
        shown = reporting.leaving(now())
        count(reporting, 1)
        send(node, reporting)
        assert [each["body"].encode() for each in shown] == hub.bodies[:2]
        assert hub.counted() == 8


def test_levels_that_keep_single_queries_send_the_same_counts(tmp_path):
    with enrolled(tmp_path) as (hub, node, reporting):
        reporting.take_events(
            (
                slot() + at,
                f"192.0.2.{at}",
                "www.bad.example",
                1,
                "block",
                7,
                0,
                "g",
                "bad.example",
                0,
                0,
                1,
            )
            for at in range(30)
        )
        send(node, reporting)
        (batch,) = hub.batches.values()
        (row,) = batch.rows
        assert (row.rule, row.count, row.clients.value) == ("category:games", 30, "20+")
        assert b"192.0.2" not in b"".join(hub.bodies)
