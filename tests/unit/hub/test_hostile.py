"""Senders, clocks and operators that mean no good, or do none."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest
import zstandard
from securesystemslib.signer import CryptoSigner

from filterd.cli.demo_world import order
from filterd.config.hub import HubLimits
from filterd.feed.refusal import Fault, Refused
from filterd.feed.warrant import sign_act
from filterd.hub import ingest
from filterd.hub.access import Sent
from filterd.hub.arriving import Arrived, What
from filterd.hub.enrolment import find_node
from filterd.hub.folder import Folder
from filterd.hub.ingest import Taken
from filterd.hub.intake import Intake, write
from filterd.hub.limits import Desk
from filterd.hub.problems import Problem
from filterd.hub.taking import _read
from tests.support.fleet import NOW_MS, Member
from tests.unit.hub.test_publishing import place

DAY = 86_400
__all__ = ["place"]


def test_what_nobody_thought_of_is_the_fault_of_one_sender(database, monkeypatch):
    good, bad = Member().enrol(database, name="Good"), Member().enrol(database, name="Bad")
    real = ingest.received_batch

    def received(value, key, now_ms):
        if key.id == bad.id:
            raise KeyError("a fault of ours")
        return real(value, key, now_ms)

    monkeypatch.setattr(ingest, "received_batch", received)
    group = [Arrived(What.BATCH, each.id, each.batch(), NOW_MS) for each in (good, bad, good)]
    told = write(database, group)
    assert [told[0], told[2]] == [Taken(1, 0), Taken(1, 0)]
    assert isinstance(told[1], KeyError)

    async def taken():
        desk = Desk(2, 10, "nodes")
        intake = Intake(database, desk, 1, 10)
        again = [Arrived(What.BATCH, each.id, each.batch(), NOW_MS) for each in (bad, good)]
        async with asyncio.timeout(20):
            found = await asyncio.gather(*map(intake.take, again), return_exceptions=True)
        desk.close()
        return found

    failed, done = asyncio.run(taken())
    assert isinstance(failed, KeyError), "it was answered, not left waiting"
    assert done == Taken(1, 0)


@pytest.mark.parametrize("what", [float("nan"), "\ud800", [[[]]]])
def test_a_poisoned_receipt_is_refused_and_the_others_of_its_group_are_taken(database, what):
    good, bad = Member().enrol(database, name="Good"), Member().enrol(database, name="Bad")
    poison = bad.receipt(1)
    poison["receipt"]["held"] = [what]
    group = [
        Arrived(What.RECEIPTS, good.id, [good.receipt(1)], NOW_MS),
        Arrived(What.RECEIPTS, bad.id, [poison], NOW_MS),
    ]
    told = write(database, group)
    assert told[0] == Taken(1, 0)
    assert isinstance(told[1], Refused)


def test_only_the_parts_of_a_feed_are_served(tmp_path):
    served = ("checkpoint", "log/000/000/001.zst", "snapshot.json", "snapshot/12/0000",
              "snapshot/12/leaves", "trust/1.root.json", "trust/timestamp.json",
              f"targets/{'0' * 64}.policy.json", f"targets/authorities/{'0' * 64}.a.json")  # fmt: skip
    hidden = ("hub.db", "hub.db-wal", "log.pem", "log.pass", "publishing.lock", "checkpoint.new",
              ".ssh/id", "trust/root.pem", "log/log.pem", "targets/x.pem", "hub.yaml",
              "snapshot/12/0000.tmp", "trust/../hub.db", "targets/link.json")  # fmt: skip
    outside = tmp_path / "secret.json"
    outside.write_text("{}")
    feed = tmp_path / "feed"
    for path in (*served, *hidden[:-2]):
        (feed / path).parent.mkdir(parents=True, exist_ok=True)
        (feed / path).write_text("x")
    (feed / "targets/link.json").symlink_to(outside)

    async def status(path):
        scope = {"type": "http", "method": "GET", "headers": [], "path": path}
        try:
            return (await Folder(feed).get_response(path, scope)).status_code
        except Exception as error:  # noqa: BLE001 - starlette's HTTPException, and what else comes
            return getattr(error, "status_code", error)

    assert {asyncio.run(status(path)) for path in served} == {200}
    assert {asyncio.run(status(path)) for path in hidden} == {404}


def test_a_clock_that_jumps_ahead_signs_nothing_until_it_is_set(place):
    place.submit("one")
    place.publisher.publish()
    start = place.now
    place.submit("two")
    place.now += 365 * DAY
    with pytest.raises(Refused, match="days old") as refused:
        place.publisher.publish()
    assert refused.value.fault is Fault.MIXED
    assert place.acts == [["one"]], "nothing of the future was signed"
    place.now = start + 60
    place.publisher.publish()
    assert place.acts == [["one"], ["two"]]


def test_a_clock_that_is_set_back_does_not_stop_it(place):
    place.submit("one")
    place.publisher.publish()
    place.now -= 365 * DAY
    place.submit("two")
    place.publisher.publish()
    assert [len(each) for each in place.acts] == [1, 1]


def test_an_order_over_the_canaries_is_told_to_the_officer(place):
    act = order("o", ("x.canary.example",), int(place.now))
    with pytest.raises(Refused, match="protected"):
        place.publisher.check(place.world.signed(act, int(place.now)))


def test_a_receipt_for_orders_of_the_far_future_does_not_make_a_node_prompt_for_ever(database):
    member = Member().enrol(database)
    claims = [Arrived(What.RECEIPTS, member.id, [member.receipt(size)], NOW_MS)
              for size in (5, 2**53 - 1)]  # fmt: skip
    near, far = write(database, claims)
    assert near == Taken(1, 0)
    assert isinstance(far, Refused)
    with database.read() as connection:
        known = find_node(connection, member.id)
    assert known is not None
    assert known.size == 5


def test_a_small_body_with_millions_of_values_is_refused_before_it_is_read():
    plain = b'{"receipts":[' + b"[]," * 2_700_000 + b"[]]}"
    body = zstandard.ZstdCompressor().compress(plain)
    assert len(body) < 2000
    hub = SimpleNamespace(config=SimpleNamespace(limits=HubLimits()))
    row = SimpleNamespace(id="n")
    with pytest.raises(Problem, match="values") as problem:
        _read(hub, What.RECEIPTS, Sent(row, body, "zstd", 0))
    assert problem.value.status_code == 413


def test_a_made_up_signature_does_not_make_an_order_look_fresh(place):
    act = order("o", ("bet.example",), int(place.now))
    signed = place.world.signed(act, int(place.now) - 3600)
    place.publisher.check(signed)
    later = replace(signed.signatures[0], at=int(place.now))
    stranger = sign_act(CryptoSigner.generate_ed25519(), act, int(place.now))
    for more in (later, stranger):
        made_up = replace(signed, signatures=(*signed.signatures, more))
        assert made_up.signed_at == int(place.now)
        with pytest.raises(Refused, match="no officer") as refused:
            place.publisher.check(made_up)
        assert refused.value.fault is Fault.UNSIGNED
