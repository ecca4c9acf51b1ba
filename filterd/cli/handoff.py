"""`filterd handoff`: what was handed off when a known picture was seen."""

import argparse
import csv
import json
import os
import sys
import time
from dataclasses import asdict, fields
from pathlib import Path
from typing import TextIO

from filterd.app.owner import become_owner
from filterd.app.paths import Paths, config_path, read_config
from filterd.cli.base import Command, Exit, add_config, add_examples, add_json, complain
from filterd.cli.table import table
from filterd.cli.times import clock_text, moment
from filterd.model.handoff import HandOff
from filterd.report.handoffs import FOLDER, KEPT, expire_handoffs, list_handoffs

EXAMPLES = """\
  filterd handoff list                          reference, time, set, entry, host of each
  filterd handoff list --from 2026-11-01 --json
  filterd handoff export -o handoffs.csv        for the hotline or the police, as CSV
  filterd handoff export --json -o handoffs.jsonl
  filterd handoff expire                        remove what is older than a year
  filterd handoff expire --before 2026-09-01
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    commands = parser.add_subparsers(dest="handoff_command", metavar="COMMAND", required=True)
    show = commands.add_parser("list", help="what was handed off")
    show.set_defaults(run=_list)
    export = commands.add_parser("export", help="the same for others, as CSV or JSON lines")
    export.add_argument("-o", "--output", type=Path, metavar="FILE", help="(default: print it)")
    export.set_defaults(run=_export)
    for each in (show, export):
        each.add_argument("--from", dest="since", metavar="TIME", help="from then on")
        add_config(each)
        add_json(each)
    expire = commands.add_parser("expire", help="remove old ones for good")
    expire.add_argument("--before", metavar="TIME", help="from before then (default: a year ago)")
    add_config(expire)
    expire.set_defaults(run=_expire)
    add_examples(commands, EXAMPLES)


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    return int(args.run(args))


def _list(args: argparse.Namespace) -> int:
    found, zone, code = _found(args)
    if args.json:
        for each in found:
            print(json.dumps(asdict(each)))
    elif not found:
        print("nothing was handed off")
    else:
        rows = [
            (e.reference, clock_text(e.at, zone), e.set, e.entry, str(e.epoch), e.distance, e.host)
            for e in found
        ]
        titles = ("reference", "time", "set", "entry", ">epoch", "bits", "host")
        print("\n".join(table(titles, rows)))
    return code


def _export(args: argparse.Namespace) -> int:
    found, _, code = _found(args)
    if args.output is None:
        _write(found, sys.stdout, as_json=args.json)
        return code
    private = os.open(args.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(private, "w", encoding="utf-8", newline="") as sink:
        os.fchmod(private, 0o600)
        _write(found, sink, as_json=args.json)
    return code


def _expire(args: argparse.Namespace) -> int:
    config, _ = read_config(config_path(args.config, os.environ))
    before = moment(args.before, config.timezone) if args.before else time.time() - KEPT
    paths = Paths.of(config, os.environ)
    become_owner(paths)
    gone = expire_handoffs(paths.state / FOLDER, int(before))
    print(f"removed {gone}")
    return Exit.OK


def _write(found: list[HandOff], sink: TextIO, *, as_json: bool) -> None:
    if as_json:
        sink.writelines(json.dumps(asdict(each)) + "\n" for each in found)
        return
    rows = csv.DictWriter(sink, [each.name for each in fields(HandOff)], lineterminator="\n")
    rows.writeheader()
    rows.writerows(map(asdict, found))


def _found(args: argparse.Namespace) -> tuple[list[HandOff], str, Exit]:
    config, _ = read_config(config_path(args.config, os.environ))
    since = moment(args.since, config.timezone) if args.since else 0
    told = list_handoffs(Paths.of(config, os.environ).state / FOLDER)
    if told.damaged:
        complain(f"{told.damaged} lines of the spool are damaged and left out")
    found = [each for each in told.handoffs if each.at >= since]
    return found, config.timezone, Exit.PROBLEM if told.damaged else Exit.OK


COMMAND = Command("handoff", EXAMPLES, arguments, run)
