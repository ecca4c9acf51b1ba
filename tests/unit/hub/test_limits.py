import asyncio

import pytest

from filterd.config.hub import HubLimits
from filterd.hub import limits
from filterd.hub.limits import Bounded, Buckets, Desk
from filterd.hub.problems import Problem


def test_a_bucket_empties_and_fills() -> None:
    buckets = Buckets(rate=2, burst=3)
    assert [buckets.take("a", 10.0) for _ in range(3)] == [0, 0, 0]
    assert buckets.take("a", 10.0) == pytest.approx(0.5)
    assert buckets.take("b", 10.0) == 0, "each has its own"
    assert buckets.take("a", 10.5) == 0
    assert buckets.take("a", 10.5) > 0
    assert [buckets.take("a", 100.0) for _ in range(4)][:3] == [0, 0, 0], "never above its size"


def test_what_is_remembered_of_senders_is_bounded(monkeypatch) -> None:
    monkeypatch.setattr(limits, "MOST_SENDERS", 10)
    buckets = Buckets(rate=1, burst=1)
    for number in range(1000):
        buckets.take(str(number), 0.0)
    assert len(buckets._left) == 10


def test_a_desk_with_a_queue_that_is_full_says_so() -> None:
    async def run() -> None:
        desk = Desk(1, 2, "test")
        gate = asyncio.Event()
        loop = asyncio.get_running_loop()

        def work() -> int:
            asyncio.run_coroutine_threadsafe(gate.wait(), loop).result(5)
            return 7

        first = [asyncio.create_task(desk.run(work)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Problem) as told:
            await desk.run(work)
        assert told.value.status_code == 503
        assert int(told.value.headers["Retry-After"]) > 0
        gate.set()
        assert await asyncio.gather(*first) == [7, 7]
        assert desk.waiting == 0
        desk.close()

    asyncio.run(run())


def send_body(pieces, *, headers=(), patience=1.0, peers=4, first=None):
    """Send pieces to an application that reads all; return what it read, or the problem."""

    async def application(scope, receive, send):
        whole = b""
        while True:
            message = await receive()
            whole += message["body"]
            if not message.get("more_body"):
                break
        await send(whole)

    async def run():
        left = list(pieces)
        told = []

        async def receive():
            if not left:
                await asyncio.sleep(60)
            body = left.pop(0)
            return {"type": "http.request", "body": body, "more_body": bool(left) or body is HELD}

        async def send(message):
            told.append(message)

        bounds = HubLimits(body=10, body_time=patience, bodies_per_address=peers)
        scope = {"type": "http", "headers": list(headers), "client": ("192.0.2.1", 1)}
        app = Bounded(application, bounds)
        if first is not None:
            app._reading["192.0.2.1"] = first
        await app(scope, receive, send)
        return told[0], app

    return asyncio.run(run())


HELD = b"held"


def test_a_body_within_the_limit_goes_through() -> None:
    whole, app = send_body([b"12345", b"67890"])
    assert whole == b"1234567890"
    assert not app._reading


def test_a_body_is_counted_whatever_its_head_promises() -> None:
    with pytest.raises(Problem, match="longer than 10 bytes"):
        send_body([b"12345", b"678901"], headers=[(b"content-length", b"5")])
    with pytest.raises(Problem, match="longer"):
        send_body([b"1"], headers=[(b"content-length", b"11")])
    with pytest.raises(Problem, match="longer"):
        send_body([b"1"], headers=[(b"content-length", b"-1")])


def test_a_body_that_does_not_come_is_given_up() -> None:
    with pytest.raises(Problem) as told:
        send_body([HELD], patience=0.01)
    assert told.value.status_code == 408


def test_one_address_has_so_many_bodies_at_once() -> None:
    with pytest.raises(Problem) as told:
        send_body([b"1"], peers=2, first=2)
    assert told.value.status_code == 429
