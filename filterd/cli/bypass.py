"""`filterd bypass`: signs that somebody tries to go round the filter, by group."""

import argparse
import json
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from filterd.app.bypassing import chains_of, see, wanted
from filterd.app.owner import as_owner
from filterd.app.paths import Paths, config_path, read_config
from filterd.bypass.book import FILE, Book
from filterd.bypass.counters import Look
from filterd.bypass.telling import WEEK, Told, tell
from filterd.bypass.words import GUILT, SAID, SIGNALS
from filterd.cli.base import Command, Exit, add_config, add_examples, add_json, complain, paint
from filterd.cli.bypass_capture import look_through
from filterd.cli.table import Cell, table
from filterd.cli.times import clock_text
from filterd.config.schema import Config
from filterd.gateway.nft import GatewayError
from filterd.model.group import RuleBook

EXAMPLES = """\
  filterd bypass status                     per group: what was tried, and what to do next
  filterd bypass status --json -c school.yaml
  filterd bypass week --language vi         a page for the staff: what it means, and what not
  filterd bypass look                       read the firewall's counters once, for a timer (root)
  filterd bypass capture lesson.pcap        the same signals in a capture that tcpdump wrote
"""
STALE = 300.0  # seconds after which a look is said to be old


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    commands = parser.add_subparsers(dest="what", metavar="COMMAND", required=True)
    for name, summary, act in (
        ("status", "what was tried in the last day and week, by group", _status),
        ("week", "the last week in words, for the staff", _week),
        ("look", "read the counters of the firewall once", _look),
        ("capture", "find the same signals in a capture file", look_through),
    ):
        each = commands.add_parser(name, help=summary)
        if name == "capture":
            each.add_argument("file", type=Path, metavar="FILE", help="pcap or pcapng")
        add_config(each)
        if name != "look":
            each.add_argument("--language", choices=("vi", "en"), help="default: as configured")
        if name in {"status", "capture"}:
            add_json(each)
        each.set_defaults(act=act)
    add_examples(commands, EXAMPLES)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    config, rules = read_config(config_path(args.config, os.environ))
    args.language = getattr(args, "language", None) or config.language
    return int(args.act(args, config, rules))


def _status(args: argparse.Namespace, config: Config, _rules: RuleBook) -> int:
    book, now = _book(config), time.time()
    seen_at = _fresh(book, config, now)
    found = tell(book.hours(now - 2 * WEEK, now), now)
    said, about = SAID[args.language], SIGNALS[args.language]
    if args.json:
        rows = [asdict(each) for each in found]
        print(json.dumps({"looked": seen_at, "signals": rows}, ensure_ascii=False))
        return Exit.PROBLEM if any(each.day for each in found) else Exit.OK
    _warn(seen_at, config, now, said)
    if not found:
        print(paint(said["none"], "green"))
        return Exit.OK
    titles = (said["group"], said["signal"], f">{said['day']}", f">{said['week']}")
    rows_shown = [
        (each.group, about[each.signal].title, _number(each.day), str(each.week)) for each in found
    ]
    for line in table(titles, rows_shown):
        print(line)
    for signal in dict.fromkeys(each.signal for each in found):
        print()
        print(paint(about[signal].title, "bold"))
        _explain(about[signal], said)
    print()
    print(GUILT[args.language])
    return Exit.PROBLEM if any(each.day for each in found) else Exit.OK


def _week(args: argparse.Namespace, config: Config, _rules: RuleBook) -> int:
    book, now = _book(config), time.time()
    seen_at = _fresh(book, config, now)
    found = tell(book.hours(now - 2 * WEEK, now), now)
    said, about = SAID[args.language], SIGNALS[args.language]
    _warn(seen_at, config, now, said)
    first, last = (clock_text(at, config.timezone)[:10] for at in (now - WEEK, now))
    print(paint(said["title"].format(first=first, last=last), "bold"))
    group = None
    for each in found:
        if each.group != group:
            group = each.group
            print(f"\n{said['group']} {paint(group, 'bold')}")
        print(f"\n  {about[each.signal].title}: {_attempts(each, said)}")
        _explain(about[each.signal], said)
    print(f"\n{GUILT[args.language] if found else said['quiet']}")
    return Exit.OK


def _look(_args: argparse.Namespace, config: Config, _rules: RuleBook) -> int:
    if not config.gateway.on:
        complain("this is no gateway: name the interfaces of the school in `gateway.lan`")
        return Exit.USAGE
    if not wanted(config):
        return Exit.OK  # without a word, for a timer does it every five minutes
    try:
        _count(_book(config), config, time.time())
    except GatewayError as error:
        complain(str(error))
        return Exit.UNAVAILABLE
    return Exit.OK


def _book(config: Config) -> Book:
    return Book(Paths.of(config, os.environ).state / FILE)


def _count(book: Book, config: Config, now: float) -> None:
    with as_owner(Paths.of(config, os.environ)) as as_root:

        def seen() -> Look | None:
            with as_root():
                return see()

        book.look(seen, chains_of(config), now)


def _fresh(book: Book, config: Config, now: float) -> float | None:
    """Look at the counters where that is allowed; return when somebody looked last."""
    if config.gateway.on and wanted(config) and os.geteuid() == 0:
        try:
            _count(book, config, now)
        except GatewayError as error:
            complain(str(error))
    return book.looked()


def _warn(seen_at: float | None, config: Config, now: float, said: Any) -> None:
    if not wanted(config):
        complain("privacy.level is none: nothing of it is kept")
    elif not config.gateway.on:
        return
    elif seen_at is None:
        complain(said["never"])
    elif now - seen_at > STALE:
        complain(said["old"].format(at=clock_text(seen_at, config.timezone)))


def _explain(about: Any, said: Any) -> None:
    for part in ("means", "not_means", "next"):
        text = getattr(about, part)
        title = said[part][0].upper() + said[part][1:]
        print(f"    {paint(title, 'dim')}: {text}")


def _attempts(each: Told, said: Any) -> str:
    return str(said["attempts"].format(n=each.week, days=each.days, before=each.before))


def _number(value: int) -> Cell:
    return Cell(str(value), "yellow" if value else "dim")


COMMAND = Command("bypass", EXAMPLES, arguments, run)
