"""The yardstick: plain Python on raw bytes, with a set of names and nothing that a filter needs.

    python bench/servers/raw.py PORT NAMES UPSTREAM_PORT

No groups, ages, reasons, TTLs that count down, retries, limits, checks of what comes back, or
counters: what is left is the price of Python at a socket.
"""

import asyncio
import gc
import socket
import sys
from pathlib import Path

import uvloop

NXDOMAIN = b"\x81\x83\0\1\0\0\0\0\0\0"
FORWARDED = b"\1\0\0\1\0\0\0\0\0\0"
HEADER = 12
MOST = 400_000  # answers kept


def wire_name(text: bytes) -> bytes:
    return b"".join(bytes((len(label),)) + label for label in text.split(b".")) + b"\0"


class Upstream(asyncio.DatagramProtocol):
    def __init__(self, waiting, cache):
        self.waiting = waiting
        self.cache = cache
        self.sendto = None
        self.reply = None

    def connection_made(self, transport):
        self.sendto = transport.sendto

    def datagram_received(self, data, _addr):
        asked = self.waiting.pop(data[:2], None)
        if asked is None:
            return
        ident, client, question = asked
        if len(self.cache) > MOST:
            self.cache.clear()
        self.cache[question] = data[2:]
        self.reply(ident + data[2:], client)


class Door(asyncio.DatagramProtocol):
    def __init__(self, names, upstream, waiting, cache):
        self.names = names
        self.upstream = upstream
        self.waiting = waiting
        self.cache = cache
        self.next = 0
        self.sendto = None

    def connection_made(self, transport):
        self.sendto = transport.sendto
        self.upstream.reply = transport.sendto

    def datagram_received(self, data, addr):
        question = data[HEADER:].lower()
        known = self.cache.get(question)
        if known is not None:
            self.sendto(data[:2] + known, addr)
            return
        qname, at, names = question[:-4], 0, self.names
        while qname[at]:
            if qname[at:] in names:
                if len(self.cache) > MOST:
                    self.cache.clear()
                self.cache[question] = NXDOMAIN + question
                self.sendto(data[:2] + NXDOMAIN + question, addr)
                return
            at += qname[at] + 1
        self.next = (self.next + 1) & 0xFFFF
        ident = self.next.to_bytes(2, "big")
        self.waiting[ident] = (data[:2], addr, question)
        self.upstream.sendto(ident + FORWARDED + question)


async def serve(port, names, upstream_port):
    waiting, cache = {}, {}
    loop = asyncio.get_running_loop()
    _, upstream = await loop.create_datagram_endpoint(
        lambda: Upstream(waiting, cache), remote_addr=("127.0.0.1", upstream_port)
    )
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.setblocking(False)
    sock.bind(("127.0.0.1", port))
    await loop.create_datagram_endpoint(lambda: Door(names, upstream, waiting, cache), sock=sock)
    await asyncio.Event().wait()


def main():
    names = {wire_name(line) for line in Path(sys.argv[2]).read_bytes().split()}
    gc.freeze()
    uvloop.run(serve(int(sys.argv[1]), names, int(sys.argv[3])))


main()
