"""`filterd feed`: how a node stands with its feed, and carrying a feed by hand."""

import argparse
import json
import os
import tarfile
from pathlib import Path
from typing import Any

from filterd.app.paths import Paths, config_path, read_config
from filterd.cli import feed_audit
from filterd.cli.base import Command, Exit, add_config, add_json, paint, printable
from filterd.cli.feed_enrol import add_enrol
from filterd.cli.times import clock_text
from filterd.control.client import call
from filterd.feed.checkpoint import PATH as CHECKPOINT
from filterd.feed.trust import METADATA, TARGETS
from filterd.model.errors import RulesError

EXAMPLES = """\
  filterd feed status                     position, orders, what was refused
  filterd feed export feed stick.tar      a whole feed as one file, for a USB stick
  filterd feed enrol CODE                 make this node known to the ministry's hub
  filterd feed import stick.tar feed      unpack it; `feed.url: file:///…/feed` follows it
  filterd feed audit feed --against other  every segment and signature; two copies side by side
  filterd feed witness feed --root root.json --key w.pem --name w.example/1 --state w
"""
PARTS = (METADATA, TARGETS, "log", CHECKPOINT)  # the checkpoint last, as when it was published


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    commands = parser.add_subparsers(dest="feed_command", metavar="COMMAND", required=True)
    status = commands.add_parser("status", help="how this node stands with its feed")
    add_config(status)
    add_json(status)
    status.set_defaults(run=_status)
    export = commands.add_parser("export", help="write a feed's folder into one file")
    export.add_argument("feed", metavar="FEED")
    export.add_argument("file", metavar="FILE.tar")
    export.set_defaults(run=_export)
    unpack = commands.add_parser("import", help="unpack such a file into a folder")
    unpack.add_argument("file", metavar="FILE.tar")
    unpack.add_argument("feed", metavar="FEED")
    unpack.set_defaults(run=_import)
    feed_audit.add(commands)
    add_enrol(commands)


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    return int(args.run(args))


def _status(args: argparse.Namespace) -> int:
    config, _ = read_config(config_path(args.config, os.environ))
    told: dict[str, Any] = call(Paths.of(config, os.environ).control, "feed-status")
    if args.json:
        print(json.dumps(told, ensure_ascii=False))
    elif not told:
        print("no feed is followed: `feed.url` in the configuration says which")
    else:
        _show(told, config.timezone)
    return Exit.PROBLEM if told.get("problem") else Exit.OK


def _show(told: dict[str, Any], zone: str) -> None:
    signed = "never" if told["time"] == 0 else clock_text(told["time"], zone)
    print(f"segments  {told['segments']:,}, signed last {signed}")
    print(f"orders    {', '.join(f'{n} {state}' for state, n in told['orders'].items())}")
    for each in told["refused_orders"]:
        print(f"  {paint('refused', 'red')} {printable(each['order'])}: {printable(each['why'])}")
    faults = ", ".join(f"{n} x {fault}" for fault, n in told["faults"].items())
    print(f"refused   {faults or 'nothing'}")
    for each in told["alarms"]:
        print(f"{paint('alarm', 'red')}     {printable(each)}")
    if told["problem"]:
        print(f"{paint('problem', 'red')}   {printable(told['problem'])}")


def _export(args: argparse.Namespace) -> int:
    feed = Path(args.feed)
    if not (feed / CHECKPOINT).is_file():
        raise RulesError(f"{feed} is no feed: it has no {CHECKPOINT}")
    with tarfile.open(args.file, "w") as tar:
        for part in PARTS:
            tar.add(feed / part, arcname=part)
    print(f"{args.file}: carry it to the node; what is in it is signed, the way need not be safe")
    return Exit.OK


def _import(args: argparse.Namespace) -> int:
    feed = Path(args.feed)
    feed.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(args.file) as tar:
            # The filter of PEP 706: no way out of the folder, no devices, no links outside.
            tar.extractall(feed, filter="data")
    except (tarfile.TarError, EOFError) as error:
        raise RulesError(f"{args.file}: not what `filterd feed export` writes: {error}") from error
    print(f"{feed}: every node that follows it verifies it for itself")
    return Exit.OK


COMMAND = Command("feed", "the ministry's feed on this node", EXAMPLES, arguments, run)
