"""`filterd query`: ask the running daemon a DNS question and show what comes back, and why."""

import argparse
import json
import os
import socket
import struct
import time

from dnslib import EDNS0, QTYPE, RCODE, DNSRecord
from dnslib.dns import DNSError

from filterd.app.paths import config_path, read_config
from filterd.cli.base import Command, Exit, add_config, add_json, paint, printable
from filterd.cli.times import qtype_name, qtype_number
from filterd.formats.names import normalise
from filterd.model.errors import ControlError, FilterdError

EXAMPLES = """\
  filterd query tiktok.com
  filterd query social.demo.test --from 127.0.0.3
  filterd query example.com --type AAAA --server 10.0.0.1:53 --tcp --json
"""
EDE_OPTION = 15  # RFC 8914
BLOCKING_CODES = frozenset({15, 16, 17})
SECONDS = 5.0


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("name", metavar="NAME", help="the domain name")
    parser.add_argument("--type", default="A", metavar="TYPE", help="record type (default: A)")
    parser.add_argument(
        "--server", metavar="ADDRESS:PORT", help="whom to ask (default: as configured)"
    )
    parser.add_argument("--from", dest="source", metavar="IP", help="local address to ask from")
    parser.add_argument("--tcp", action="store_true", help="ask over TCP")
    add_config(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Ask once; exit status 1 when the answer is a block."""
    if args.server:
        host, _, port = args.server.rpartition(":")
        if not host or not port.isdigit():
            raise FilterdError(f"--server is ADDRESS:PORT, not {args.server!r}")
        server = (host.strip("[]"), int(port))
    else:
        config, _ = read_config(config_path(args.config, os.environ))
        door = config.listen.udp[0]
        server = (_reachable(door.host), door.port)
    name = normalise(args.name)
    record = DNSRecord.question(name or ".", qtype_name(qtype_number(args.type)))
    record.add_ar(EDNS0(udp_len=1232))
    started = time.perf_counter()
    reply = exchange(record.pack(), server, args.source, tcp=args.tcp)
    took = (time.perf_counter() - started) * 1000
    try:
        answer = DNSRecord.parse(reply)
    except DNSError as error:
        raise ControlError(f"{server[0]}:{server[1]} sent no DNS answer: {error}") from None
    codes = extended_errors(answer)
    blocked = any(code in BLOCKING_CODES for code, _ in codes)
    rows = [(str(rr.rname), rr.ttl, QTYPE.get(rr.rtype), str(rr.rdata)) for rr in answer.rr]
    if args.json:
        print(
            json.dumps(
                {
                    "name": name,
                    "rcode": str(RCODE.get(answer.header.rcode)),
                    "blocked": blocked,
                    "ede": [{"code": code, "text": text} for code, text in codes],
                    "answers": [
                        {"name": n.rstrip("."), "ttl": t, "type": y, "data": d}
                        for n, t, y, d in rows
                    ],
                    "milliseconds": round(took, 3),
                },
                ensure_ascii=False,
            )
        )
    else:
        state = paint("blocked", "red") if blocked else paint("answered", "green")
        rcode = RCODE.get(answer.header.rcode)
        print(f"{name or '.'} {args.type}: {state}, {rcode}, {took:.1f} ms")
        for code, text in codes:
            print(f"  reason (EDE {code}): {printable(text)}" if text else f"  reason: EDE {code}")
        for owner, ttl, kind, data in rows:
            print(printable(f"  {owner.rstrip('.')} {ttl} {kind} {data}"))
    return Exit.PROBLEM if blocked else Exit.OK


def exchange(query: bytes, server: tuple[str, int], source: str | None, *, tcp: bool) -> bytes:
    """Send `query` and return the reply; over TCP too when UDP was truncated. ControlError."""
    family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
    kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
    try:
        with socket.socket(family, kind) as sock:
            sock.settimeout(SECONDS)
            if source:
                sock.bind((source, 0))
            sock.connect(server)
            if not tcp:
                sock.send(query)
                reply = sock.recv(65535)
                truncated = len(reply) > 2 and reply[2] & 0x02
                return exchange(query, server, source, tcp=True) if truncated else reply
            sock.sendall(struct.pack("!H", len(query)) + query)
            with sock.makefile("rb") as stream:
                size = struct.unpack("!H", stream.read(2))[0]
                return stream.read(size)
    except (OSError, struct.error) as error:
        raise ControlError(
            f"no answer from {server[0]}:{server[1]} ({error}): is filterd running?"
        ) from None


def extended_errors(answer: DNSRecord) -> list[tuple[int, str]]:
    """Return the extended DNS errors of a reply (RFC 8914)."""
    found = []
    for rr in answer.ar:
        if rr.rtype != QTYPE.OPT:
            continue
        for option in rr.rdata:
            if option.code == EDE_OPTION and len(option.data) >= 2:
                code = int.from_bytes(option.data[:2], "big")
                found.append((code, option.data[2:].decode("utf-8", "replace")))
    return found


def _reachable(host: str) -> str:
    """Return the address to ask for a door that listens everywhere."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - a lookup


COMMAND = Command("query", "ask the running daemon a DNS question", EXAMPLES, arguments, run)
