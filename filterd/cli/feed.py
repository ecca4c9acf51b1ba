"""`filterd feed`: how a node stands with its feed, and carrying a feed by hand."""

import argparse
import json
import os
import shutil
import tarfile
from pathlib import Path
from typing import Any

from filterd.app.paths import Paths, config_path, read_config
from filterd.cli import feed_audit, feed_witness
from filterd.cli.base import Command, Exit, add_config, add_examples, add_json, paint, printable
from filterd.cli.feed_enrol import add_enrol
from filterd.cli.keyring import add_passphrase, signers
from filterd.cli.times import clock_text
from filterd.control.client import call
from filterd.feed import snapshot
from filterd.feed.checkpoint import PATH as CHECKPOINT
from filterd.feed.follow import AHEAD
from filterd.feed.publish import Log
from filterd.feed.standing import read_standing
from filterd.feed.summing import publish_snapshot
from filterd.feed.trust import METADATA, TARGETS
from filterd.model.errors import RulesError

EXAMPLES = """\
  filterd feed status                     position, orders, what was refused
  filterd feed export feed stick.tar      a whole feed as one file, for a USB stick
  filterd feed snapshot feed --log-key log.pem    for nodes that begin
  filterd feed enrol CODE                 make this node known to the ministry's hub
  filterd feed import stick.tar feed      unpack it; `feed.url: file:///…/feed` follows it
  filterd feed audit feed --against other  every segment and signature; two copies side by side
  filterd feed witness feed --root root.json --key w.pem --name w.example/1 --state w
"""
_ABOUT = {
    "FEED": "the folder of the feed",
    "FILE.tar": "the file that is carried",
    "--log-key": "the key that signs the log: a file, or pkcs11:… for one in a card",
}
_NEWS = {
    "live": "pushed as they come",
    "silent": "a stream was asked for, nothing has come by it yet",
    "held-back": "looked for: they do not come by the stream; a proxy on the way may hold them",
    "down": "the stream is down; looked for meanwhile",
    "none": "looked for; this feed does not push",
}
_CHECKS = {
    "canary": "a canary that should be blocked was not",
    "expiry": "a canary was still blocked after its end",
    "open": "a name that must not be blocked was",
}
# The checkpoint last, as when it was published; a feed need not have the others.
PARTS = (METADATA, TARGETS, snapshot.FOLDER, snapshot.PATH, "log", CHECKPOINT)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    commands = parser.add_subparsers(dest="feed_command", metavar="COMMAND", required=True)
    status = commands.add_parser("status", help="how this node stands with its feed")
    add_config(status)
    add_json(status)
    status.set_defaults(run=_status)
    make = commands.add_parser("snapshot", help="write all orders that have not ended as one")
    make.add_argument("feed", metavar="FEED")
    make.add_argument("--log-key", required=True, metavar="KEY")
    add_passphrase(make)
    make.set_defaults(run=_snapshot)
    export = commands.add_parser("export", help="write a feed's folder into one file")
    export.add_argument("feed", metavar="FEED")
    export.add_argument("file", metavar="FILE.tar")
    export.set_defaults(run=_export)
    unpack = commands.add_parser("import", help="unpack such a file into a folder")
    unpack.add_argument("file", metavar="FILE.tar")
    unpack.add_argument("feed", metavar="FEED")
    unpack.set_defaults(run=_import)
    feed_audit.add(commands)
    feed_witness.add(commands)
    add_enrol(commands)
    add_examples(commands, EXAMPLES, _ABOUT)


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
    print(f"news      {_NEWS[told['stream']['state']]}")
    print(f"orders    {', '.join(f'{n} {state}' for state, n in told['orders'].items())}")
    print(f"guard     {_guard(told['guard'])}")
    for each in told["held_orders"]:
        authority, _, ident = each["order"].partition("/")
        print(
            f"  {paint('held back', 'yellow')} {printable(each['order'])}: {printable(each['why'])}"
        )
        print(f"    its officers sign: filterd order confirm {printable(ident)}", end=" ")
        print(f"--authority {printable(authority)}; or they revoke it")
    for each in told["waiting_orders"]:
        print(f"  waiting {printable(each['order'])}: begins {clock_text(each['begins'], zone)}")
    if told["next_end"] is not None:
        print(f"next end  {clock_text(told['next_end'], zone)}")
    for kind, count in told["failed_checks"].items():
        print(f"{paint('wrong', 'red')}     {count} x {_CHECKS[kind]}")
    for each in told["refused_orders"]:
        print(f"  {paint('refused', 'red')} {printable(each['order'])}: {printable(each['why'])}")
    _show_further(told)
    faults = ", ".join(f"{n} x {fault}" for fault, n in told["faults"].items())
    print(f"refused   {faults or 'nothing'}")
    for each in told["alarms"]:
        print(f"{paint('alarm', 'red')}     {printable(each)}")
    if abs(told["skew"]) > AHEAD:
        way = "ahead of" if told["skew"] > 0 else "behind"
        print(f"{paint('clock', 'red')}     {abs(told['skew']):,} s {way} the feed's; look at both")
    if told["problem"]:
        print(f"{paint('problem', 'red')}   {printable(told['problem'])}")


def _show_further(told: dict[str, Any]) -> None:
    """Say what the feed has for the HTTP filter."""
    core = told["never_decrypt"]
    if core is not None:
        print(f"never decrypted: {core['names']:,} names, version {core['version']}")
    for each in told["media"]:
        why = each["missing"]
        state = "" if why is None else f": {paint('missing', 'red')}, {printable(why)}"
        print(f"media set {each['id']}, epoch {each['epoch']}{state}")


def _snapshot(args: argparse.Namespace) -> int:
    feed = Path(args.feed)
    policy = read_standing(feed).policy
    (keeper,) = signers(args, [args.log_key])
    made = publish_snapshot(Log.open(feed, policy.log, keeper, policy.canaries))
    print(
        f"snapshot of {made.size:,} segments: {made.orders:,} orders, {made.patterns:,} patterns, "
        f"{made.length / 1e6:,.1f} MB"
    )
    return Exit.OK


def _guard(told: dict[str, Any]) -> str:
    if not told["most"]:
        return "off: no order is held back"
    known = f"{told['sampled']:,} sampled queries of the last days"
    if told["sampled"] < told["needed"]:
        return f"holds nothing back yet: {known}, {told['needed']:,} are needed"
    return f"holds back what would block more than {100 * told['most']:g} % of {known}"


def _export(args: argparse.Namespace) -> int:
    feed = Path(args.feed)
    if not (feed / CHECKPOINT).is_file():
        raise RulesError(f"{feed} is no feed: it has no {CHECKPOINT}")
    with tarfile.open(args.file, "w") as tar:
        for part in PARTS:
            if part == CHECKPOINT or (feed / part).exists():
                tar.add(feed / part, arcname=part)
    print(f"{args.file}: carry it to the node; what is in it is signed, the way need not be safe")
    return Exit.OK


def _import(args: argparse.Namespace) -> int:
    feed = Path(args.feed)
    feed.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(args.file, "r:") as tar:  # packed, a small file could fill the disk
            for member in tar:
                _take_out(tar, member, feed)
    except (tarfile.TarError, EOFError) as error:
        why = str(error).partition("\n")[0].rstrip(":")
        raise RulesError(f"{args.file}: not what `filterd feed export` writes: {why}") from error
    print(f"{feed}: every node that follows it verifies it for itself")
    return Exit.OK


def _take_out(tar: tarfile.TarFile, member: tarfile.TarInfo, feed: Path) -> None:
    """Write a part of a feed below `feed`. Debian 12's Python has no filters for that (PEP 706).

    Raises:
        tarfile.TarError: it is no part of a feed, or leads out of the folder: what lies beside the
            feed is not to be written over.
        OSError: it cannot be written.
    """
    plain = member.isdir() or (member.isreg() and not member.issparse())
    words = member.name.split("/")
    path = feed.joinpath(*words)
    within = path.parent.resolve().is_relative_to(feed.resolve())
    if not plain or words[0] not in PARTS or not {"", ".", ".."}.isdisjoint(words) or not within:
        raise tarfile.TarError(f"{member.name!r} is no part of a feed")
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    source = tar.extractfile(member)
    assert source is not None  # it is a file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # a link is replaced, not followed
    with source, path.open("xb") as sink:
        shutil.copyfileobj(source, sink)


COMMAND = Command("feed", EXAMPLES, arguments, run)
