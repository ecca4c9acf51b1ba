"""A worker's side of the socket: names that are kept, events that wait, counts of what did not fit."""

import asyncio
from contextlib import asynccontextmanager

from filterd.control.server import ControlServer
from filterd.http.daemon import BATCH, UNKNOWN, Answer, Daemon, Events, Names
from filterd.model.errors import ControlError


@asynccontextmanager
async def answering(path, **handlers):
    server = ControlServer(path, {name.replace("_", "-"): each for name, each in handlers.items()})
    await server.start()
    try:
        yield Daemon(path)
    finally:
        await server.close()


def saying(asked, **said):
    async def names(arguments, _report):
        asked.append(arguments["name"])
        return {"addresses": ["192.0.2.1"], "blocked": False, "known": True, "ttl": 60} | said

    return names


def test_an_answer_is_kept_for_its_time_and_stays_when_the_daemon_is_away(tmp_path):
    asked, now = [], [0.0]

    async def run():
        async with answering(tmp_path / "s", http_names=saying(asked)) as daemon:
            names = Names(daemon, lambda: now[0])
            first = await names.find("a.example", "192.0.2.9")
            assert first == Answer(("192.0.2.1",))
            assert await names.find("a.example", "192.0.2.9") == first
            now[0] = 61.0
            assert await names.find("a.example", "192.0.2.9") == first
            assert asked == ["a.example"] * 2
        now[0] = 1000.0
        assert await names.find("a.example", "192.0.2.9") == first
        assert await names.find("b.example", "192.0.2.9") is UNKNOWN

    asyncio.run(run())


def test_the_same_question_at_the_same_time_is_asked_once(tmp_path):
    asked = []

    async def run():
        async with answering(tmp_path / "s", http_names=saying(asked)) as daemon:
            names = Names(daemon, lambda: 0.0)
            found = await asyncio.gather(*(names.find("a.example", "192.0.2.9") for _ in range(20)))
            assert set(found) == {Answer(("192.0.2.1",))}

    asyncio.run(run())
    assert asked == ["a.example"]


def test_who_stops_waiting_ends_it_for_nobody_else(tmp_path):
    gate = asyncio.Event()

    async def names(_arguments, _report):
        await gate.wait()
        return {"addresses": ["192.0.2.1"], "blocked": False, "known": True, "ttl": 60}

    async def run():
        async with answering(tmp_path / "s", http_names=names) as daemon:
            known = Names(daemon, lambda: 0.0)
            first, second = (
                asyncio.create_task(known.find("a.example", "192.0.2.9")) for _ in range(2)
            )
            await asyncio.sleep(0.05)
            first.cancel()
            gate.set()
            assert (await second).known

    asyncio.run(run())


def test_a_name_whose_servers_do_not_answer_has_no_address_and_is_not_taken_for_a_daemon_away(
    tmp_path,
):
    said = {"known": True}

    async def names(arguments, report):
        return await saying([], **said)(arguments, report)

    async def run():
        now = [0.0]
        async with answering(tmp_path / "s", http_names=names) as daemon:
            kept = Names(daemon, lambda: now[0])
            first = await kept.find("a.example", "192.0.2.9")
            said["known"] = False
            now[0] = 1000.0
            assert await kept.find("a.example", "192.0.2.9") == first, "what was known goes on"
            assert await kept.find("b.example", "192.0.2.9") == Answer()

    asyncio.run(run())


def test_a_daemon_that_is_slow_or_says_no_is_not_taken_for_one_that_is_away(tmp_path, monkeypatch):
    """A pupil's own name server can be as slow as it likes."""
    monkeypatch.setattr("filterd.http.daemon.ANSWER_SECONDS", 0.1)

    async def names(arguments, _report):
        if arguments["name"] == "refused.example":
            raise ControlError("not a name and a client")
        await asyncio.Event().wait()

    async def run():
        async with answering(tmp_path / "s", http_names=names) as daemon:
            for name in ("slow.example", "refused.example"):
                assert await Names(daemon, lambda: 0.0).find(name, "192.0.2.9") == Answer(), name

    asyncio.run(run())


def test_events_go_in_batches_in_order(tmp_path):
    taken = []

    async def events(arguments, _report):
        taken.append([each["n"] for each in arguments["events"]])
        return {}

    async def run():
        async with answering(tmp_path / "s", http_events=events) as daemon:
            waiting = Events(daemon)
            for n in range(BATCH + 5):
                waiting.add({"n": n})
            assert await waiting.send()
            assert len(waiting) == 0

    asyncio.run(run())
    assert [len(each) for each in taken] == [BATCH, 5]
    assert [n for each in taken for n in each] == list(range(BATCH + 5))


def test_what_does_not_fit_is_counted_and_the_count_is_told_once(tmp_path):
    told = []

    async def events(arguments, _report):
        told.append((len(arguments["events"]), arguments["dropped"]))
        return {}

    async def run():
        waiting = Events(Daemon(tmp_path / "s"), most=3)
        for n in range(8):
            waiting.add({"n": n})
        assert not await waiting.send()  # nobody is there
        assert (len(waiting), waiting.dropped) == (3, 5)
        async with answering(tmp_path / "s", http_events=events):
            assert await waiting.send()
            assert await waiting.send()
        assert (len(waiting), waiting.dropped) == (0, 0)

    asyncio.run(run())
    assert told == [(3, 5)]


def test_what_the_daemon_refuses_is_counted_and_not_sent_for_ever(tmp_path):
    async def events(arguments, _report):
        if arguments["events"]:
            raise ControlError("not an event")
        return {}

    async def run():
        async with answering(tmp_path / "s", http_events=events) as daemon:
            waiting = Events(daemon)
            waiting.add({"n": 1})
            assert not await waiting.send()
            assert (len(waiting), waiting.dropped) == (0, 1)
            assert await waiting.send()
            assert waiting.dropped == 0

    asyncio.run(run())
