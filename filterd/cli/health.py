"""`filterd health`: whether clients should be sent here, for whoever decides that."""

import argparse
import asyncio
import ipaddress
import json
import os
from collections.abc import Callable, Iterator

from filterd.app.health import Condition, Door, Standing, look
from filterd.app.paths import config_path, read_config
from filterd.cli.base import Command, Exit, add_config, add_json, paint
from filterd.config.addresses import ListenAddress, read_listen
from filterd.model.orphan import end_with_parent

EXAMPLES = """\
  filterd health                                  every door of this node, over UDP and TCP
  filterd health --at 192.0.2.53                  through a dnsdist, at the address that clients ask
  filterd health --watch                          a line at each change: well, unwell
  filterd health --announce 192.0.2.53/32 --announce 2001:db8::53/128
                                                  routes for ExaBGP, which starts this as a process
"""
DNS_PORT = 53
_SAID = {Condition.WELL: "well", Condition.UNWELL: "not well", Condition.SILENT: "no answer"}
_STYLES = {Condition.WELL: "green", Condition.UNWELL: "yellow", Condition.SILENT: "red"}
_EXITS = {
    Condition.WELL: Exit.OK,
    Condition.UNWELL: Exit.PROBLEM,
    Condition.SILENT: Exit.UNAVAILABLE,
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--at",
        metavar="ADDRESS:PORT",
        action="append",
        type=_place,
        help="where to ask, at port 53 if none is given; again for more (default: `listen`)",
    )
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--watch", action="store_true", help="go on; print a line at each change")
    way.add_argument(
        "--announce",
        metavar="PREFIX",
        action="append",
        type=_prefix,
        help="go on; print ExaBGP's announce and withdraw for PREFIX, which may be given again",
    )
    for name, default, text in (
        ("--interval", 1.0, "seconds between two looks"),
        ("--timeout", 1.0, "seconds that an answer may take"),
    ):
        parser.add_argument(name, metavar="SECONDS", type=_seconds, default=default,
                            help=f"{text} (default: {default:g})")  # fmt: skip
    for name, default, text in (
        ("--rise", 3, "good looks in a row until it counts as well"),
        ("--fall", 2, "bad ones until it does not"),
    ):
        parser.add_argument(name, metavar="N", type=_times, default=default,
                            help=f"{text} (default: {default})")  # fmt: skip
    add_config(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Look once, or go on looking."""
    proxies: tuple[str, ...] = ()
    if args.at:
        doors = tuple(Door(kind, each) for each in args.at for kind in ("udp", "tcp"))
    else:
        config, _ = read_config(config_path(args.config, os.environ))
        listen, proxies = config.listen, config.listen.proxies
        doors = tuple(
            Door(kind, each)
            for kind, those in (("udp", listen.udp), ("tcp", listen.tcp))
            for each in those
        )
    if args.announce:
        end_with_parent()
    if args.announce or args.watch:
        asyncio.run(_go_on(args, doors, proxies))
    return _once(args, asyncio.run(look(doors, proxies, args.timeout)))


def _once(args: argparse.Namespace, seen: dict[Door, Condition]) -> int:
    worst = max(seen.values(), default=Condition.SILENT)
    if args.json:
        doors = {str(door): _SAID[condition] for door, condition in seen.items()}
        print(json.dumps({"well": worst is Condition.WELL, "doors": doors}))
    else:
        for door, condition in seen.items():
            print(f"{door}: {paint(_SAID[condition], _STYLES[condition])}")
    return _EXITS[worst]


async def _go_on(
    args: argparse.Namespace, doors: tuple[Door, ...], proxies: tuple[str, ...]
) -> None:
    """Look for ever. What is printed first is what the first looks agree about."""
    standing = Standing(args.rise, args.fall)
    lines = _routes(args.announce) if args.announce else _words
    while True:
        pause = asyncio.create_task(asyncio.sleep(args.interval))
        seen = await look(doors, proxies, args.timeout)
        if standing.hear(max(seen.values(), default=Condition.SILENT) is Condition.WELL):
            for line in lines(standing.well is True):
                print(line, flush=True)
        await pause


def _words(well: bool) -> Iterator[str]:  # noqa: FBT001 - what it is about
    yield "well" if well else "unwell"


def _routes(prefixes: list[str]) -> Callable[[bool], Iterator[str]]:
    def lines(well: bool) -> Iterator[str]:  # noqa: FBT001 - what it is about
        for prefix in prefixes:
            yield f"{'announce' if well else 'withdraw'} route {prefix} next-hop self"

    return lines


def _place(text: str) -> ListenAddress:
    try:
        return ListenAddress(str(ipaddress.ip_address(text)), DNS_PORT)
    except ValueError:
        pass  # it has a port, then
    try:
        return read_listen(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"192.0.2.53 or [2001:db8::53]:53 would do: {error}"
        ) from None


def _prefix(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"no prefix: {error}") from None


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError("more than 0 seconds, and at most 3600")
    return seconds


def _times(text: str) -> int:
    times = int(text)
    if not 1 <= times <= 1000:
        raise argparse.ArgumentTypeError("1 to 1000")
    return times


COMMAND = Command("health", EXAMPLES, arguments, run)
