"""`filterd log`: what was blocked and answered, as far as the privacy level keeps it."""

import argparse
import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path

from filterd.app.paths import Paths, config_path, read_config
from filterd.cli.base import Command, Exit, add_config, add_json, paint, printable
from filterd.cli.times import UnreadableError, clock_text, moment, qtype_name, span
from filterd.control.client import NobodyError, call
from filterd.model.errors import ControlError
from filterd.report.query import Filter, LogRow, Summary, read, summarise

EXAMPLES = """\
  filterd log                            the newest
  filterd log --since 1h --kind block    the last hour's blocks
  filterd log --summary --since 1d       what counted most
  filterd log --group grade-3 --category games --json
"""
_MOST_ROWS = 1_000_000
_KINDS = ("pass", "allow", "block", "rewrite")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--since", metavar="WHEN", help="2h, 1d or a time")
    parser.add_argument("--until", metavar="WHEN", help="2h, 1d or a time")
    parser.add_argument("--group", metavar="G", help="only this group")
    parser.add_argument("--kind", choices=_KINDS, help="only these verdicts")
    parser.add_argument("--category", metavar="C", help="only this category")
    parser.add_argument("--name", metavar="TEXT", help="only names or rules with this in them")
    parser.add_argument("--limit", type=_rows, default=50, metavar="N", help="rows (default: 50)")
    parser.add_argument("--summary", action="store_true", help="totals instead of rows")
    add_config(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Show the log."""
    config, _ = read_config(config_path(args.config, os.environ))
    paths = Paths.of(config, os.environ)
    _settle(paths.control)
    path = paths.log
    zone = config.timezone
    wanted = Filter(
        since=_when(args.since, zone),
        until=_when(args.until, zone),
        group=args.group,
        kind=args.kind,
        category=args.category,
        name=args.name,
        limit=args.limit,
    )
    if args.summary:
        _show_summary(summarise(path, wanted), as_json=args.json)
        return Exit.OK
    rows = read(path, wanted)
    for row in rows:
        if args.json:
            print(json.dumps(asdict(row), ensure_ascii=False))
        else:
            print(_line(row, zone))
    if not rows and not args.json:
        print("nothing recorded that fits")
    return Exit.OK


def _settle(control: Path) -> None:
    """Have a daemon that runs write down what it has counted up to now."""
    try:
        written = call(control, "log-settle")["written"]
    except NobodyError:
        return  # all it had was written when it ended
    except ControlError as error:
        written, why = False, str(error)
    else:
        why = "the log's disk takes nothing; `filterd status` says more"
    if not written:
        print(f"filterd: the last seconds may be missing: {why}", file=sys.stderr)


def _rows(text: str) -> int:
    number = int(text) if text.isdigit() else 0
    if not 1 <= number <= _MOST_ROWS:
        raise argparse.ArgumentTypeError(f"not a number from 1 to {_MOST_ROWS}: {text!r}")
    return number


def _when(text: str | None, zone: str) -> float | None:
    if text is None:
        return None
    try:
        return time.time() - span(text).total_seconds()
    except UnreadableError:
        return moment(text, zone)


def _line(row: LogRow, zone: str) -> str:
    style = {"block": "red", "rewrite": "yellow", "allow": "green"}.get(row.kind, "dim")
    what = printable(row.qname or row.rule or "-")
    asked = f" {qtype_name(row.qtype)}" if row.qtype is not None else ""
    who = f" by {row.client}" if row.client else ""
    why = printable(", ".join(part for part in (row.list, row.category) if part))
    times = f" x{row.n}" if row.n > 1 else ""
    kind = paint(f"{row.kind:<7}", style)
    when = clock_text(row.at, zone)
    return f"{when}  {kind} {row.group:<14} {what}{asked}{who}{times}" + (
        f"  [{why}; step {row.step}]" if why else ""
    )


def _show_summary(summary: Summary, *, as_json: bool) -> None:
    parts = asdict(summary)
    if as_json:
        print(json.dumps(parts, ensure_ascii=False))
        return
    for title, rows in parts.items():
        print(paint(title, "bold"))
        width = max((len(word) for word, _ in rows), default=0)
        for word, total in rows:
            print(f"  {printable(word):<{width}}  {total:>10,}")


COMMAND = Command("log", EXAMPLES, arguments, run)
