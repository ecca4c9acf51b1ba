"""`filterd query`: ask the running daemon a DNS question and show what comes back, and why."""

import argparse
import ipaddress
import json
import os
import socket
import struct
import time
from collections.abc import Sequence

from dnslib import EDNS0, QTYPE, RCODE, DNSRecord
from dnslib.dns import DNSError

from filterd.app.own_door import preface, reachable
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
DNS_PORT = 53
EDE_OPTION = 15  # RFC 8914
EDE_NAMES = {  # of codes that mostly come without a text
    3: "an old answer, as no upstream resolver answers",
    6: "the answer failed its DNSSEC check",
    22: "no upstream resolver can be reached",
    23: "the network to the upstream resolvers fails",
}
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
    proxies: tuple[str, ...] = ()
    if args.server:
        server = _server(args.server)
    else:
        config, _ = read_config(config_path(args.config, os.environ))
        door = config.listen.udp[0]
        server, proxies = (reachable(door.host), door.port), config.listen.proxies
    name = normalise(args.name)
    record = DNSRecord.question(name or ".", qtype_name(qtype_number(args.type)))
    record.add_ar(EDNS0(udp_len=1232))
    started = time.perf_counter()
    reply = exchange(record.pack(), server, args.source, tcp=args.tcp, proxies=proxies)
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
            reason = printable(text) or EDE_NAMES.get(code, "not given")
            print(f"  reason (EDE {code}): {reason}")
        for owner, ttl, kind, data in rows:
            print(printable(f"  {owner.rstrip('.')} {ttl} {kind} {data}"))
    return Exit.PROBLEM if blocked else Exit.OK


def exchange(
    query: bytes,
    server: tuple[str, int],
    source: str | None,
    *,
    tcp: bool,
    proxies: Sequence[str] = (),
) -> bytes:
    """Send `query` and return the reply; over TCP too when UDP was truncated. `proxies`: networks
    that the server believes to be proxies. ControlError.
    """
    family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
    kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
    try:
        with socket.socket(family, kind) as sock:
            sock.settimeout(SECONDS)
            if source:
                _bind(sock, source)
            sock.connect(server)
            begin = preface(sock.getsockname()[0], proxies)
            if not tcp:
                sock.send(begin + query)
                reply = sock.recv(65535)
                truncated = len(reply) > 2 and reply[2] & 0x02
                if not truncated:
                    return reply
                return exchange(query, server, source, tcp=True, proxies=proxies)
            sock.sendall(begin + struct.pack("!H", len(query)) + query)
            with sock.makefile("rb") as stream:
                size = struct.unpack("!H", stream.read(2))[0]
                return stream.read(size)
    except (OSError, struct.error) as error:
        raise ControlError(
            f"no answer from {server[0]}:{server[1]} ({error}): is filterd running?"
        ) from None


def _server(text: str) -> tuple[str, int]:
    """Return address and port of `--server`; the port is 53 where it is left out."""
    host, colon, port = text.rpartition(":")
    if _is_address(text.strip("[]")):
        host, port = text, str(DNS_PORT)
    elif not colon or not port.isdigit() or not 0 < int(port) <= 65535:
        host = ""
    if not _is_address(host.strip("[]")):
        raise FilterdError(f"--server is ADDRESS:PORT such as 10.20.0.53:53, not {text!r}")
    return host.strip("[]"), int(port)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _bind(sock: socket.socket, source: str) -> None:
    try:
        sock.bind((source, 0))
    except OSError as error:
        raise FilterdError(
            f"cannot ask from {source!r}: --from is an address of this machine, "
            f"of the same kind as the server's ({error.strerror or error})"
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


COMMAND = Command("query", EXAMPLES, arguments, run)
