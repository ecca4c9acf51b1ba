"""A stream of events as frames of zstd: over a real socket, cut anywhere, garbled, a bomb."""

import asyncio
import tracemalloc
from contextlib import aclosing, asynccontextmanager

import httpx
import pytest
import zstandard

from filterd.feed.events import EventReader
from filterd.feed.refusal import Fault, Refused
from filterd.feed.remote import pieces

EVENTS = [b":\n\n", b'id: 1\nevent: checkpoint\ndata: {"a":1}\n\n', b":\n\n", b"id: 2\ndata: x\n\n"]


def packed(event):
    return zstandard.ZstdCompressor().compress(event)


@asynccontextmanager
async def serving(body, encoding="zstd", step=None):
    async def answer(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"accept-encoding: zstd\r\n" in head.lower()
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Content-Encoding: " + encoding.encode() + b"\r\nConnection: close\r\n\r\n"
        )
        for start in range(0, len(body), step or len(body)):
            writer.write(body[start : start + (step or len(body))])
            await writer.drain()
            await asyncio.sleep(0)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server, httpx.AsyncClient() as client:
        yield client, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def heard(body, **how):
    async def hear():
        reader, found = EventReader(), []
        async with (
            serving(body, **how) as (client, url),
            aclosing(pieces(client, url, 0)) as stream,
        ):
            async for piece in stream:
                found += reader.feed(piece)
        return found

    return asyncio.run(hear())


@pytest.mark.parametrize("step", [None, 1, 7])
def test_each_event_is_a_frame_of_its_own(step):
    found = heard(b"".join(map(packed, EVENTS)), step=step)
    assert [(event.kind, event.data, event.id) for event in found] == [
        ("checkpoint", '{"a":1}', "1"),
        ("message", "x", "2"),
    ]


def test_one_that_is_cut_brings_what_was_whole():
    body = b"".join(map(packed, EVENTS))
    assert len(heard(body[:-3])) == 1


def test_garbage_is_refused():
    with pytest.raises(Refused) as refused:
        heard(packed(EVENTS[0]) + b"no frame at all")
    assert refused.value.fault is Fault.MALFORMED


def test_an_encoding_that_nobody_asked_for():
    with pytest.raises(OSError, match="gzip"):
        heard(b"x", encoding="gzip")


def test_a_bomb_is_refused_before_it_fills_the_memory():
    little = zstandard.ZstdCompressionParameters.from_level(3, window_log=17)
    bomb = zstandard.ZstdCompressor(compression_params=little).compress(bytes(256 << 20))
    assert len(bomb) < 64 << 10
    tracemalloc.start()
    with pytest.raises(Refused) as refused:
        heard(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refused.value.fault is Fault.TOO_LARGE
    assert peak < 32 << 20
