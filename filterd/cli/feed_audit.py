"""`filterd feed audit`: looking at a log without trusting its keeper."""

import argparse
import json
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from filterd.cli.base import Exit, add_json, paint, printable
from filterd.cli.keyring import read_root
from filterd.feed.audit import Audit, Finding, audit, split, summary
from filterd.feed.breadth import breadth_of
from filterd.feed.checkpoint import PATH as CHECKPOINT
from filterd.feed.checkpoint import Checkpoint
from filterd.feed.follow import LogKey, read_checkpoint
from filterd.feed.refusal import Fault, Refused
from filterd.feed.segment import path_of
from filterd.feed.standing import read_manifest_of, read_registries, read_standing
from filterd.feed.trust import FolderFetcher, refresh
from filterd.feed.witness import check_cosigned
from filterd.policy.rulebook import default_directory, load_rulebook

Commands = Any  # argparse does not name what add_subparsers returns
SHOWN = 20  # findings that are printed of each kind
_AUDIT = """examples:
  filterd feed audit feed --root root.json
  filterd feed audit feed --against mirror         another copy: is it the same history?
  filterd feed audit feed --json                   for scripts; exit code 1 if something is wrong
"""


def add(commands: Commands) -> None:
    """Add the subcommands."""
    raw = argparse.RawDescriptionHelpFormatter
    look = commands.add_parser(
        "audit", help="check a whole log, without a network", epilog=_AUDIT, formatter_class=raw
    )
    look.add_argument("feed", metavar="FEED", help="the folder of a feed")
    look.add_argument("--against", metavar="OTHER", help="the folder of another copy")
    look.add_argument("--root", metavar="FILE", help="check the trust root too, from this one on")
    add_json(look)
    look.set_defaults(run=_audit)


def _audit(args: argparse.Namespace) -> int:
    feed = Path(args.feed)
    trust = read_standing(feed)
    wrong = _rooted(feed, args.root)
    checkpoint, files = _log(feed, trust.policy.log)
    breadth = breadth_of(load_rulebook(default_directory()).must_not_block)
    manifests = []
    for each in trust.registry.authorities:
        with suppress(FileNotFoundError):  # told by TUF, if the root is looked at
            manifests.append(read_manifest_of(feed, each.id))
    said = [each for each in manifests if each is not None]
    done = audit(checkpoint, files, read_registries(feed), breadth, said)
    done.findings[:0] = [*wrong, *_witnessed(feed, trust.policy.log)]
    if args.against is not None:
        done.findings += _against(Path(args.against), trust.policy.log, files)
    if args.json:
        print(json.dumps(summary(done), ensure_ascii=False))
    else:
        _show(done, rooted=args.root is not None)
    return Exit.PROBLEM if done.findings else Exit.OK


def _log(feed: Path, key: LogKey) -> tuple[Checkpoint, list[bytes]]:
    """Return a signed checkpoint and the segments that are there, none left out in between."""
    checkpoint = read_checkpoint((feed / CHECKPOINT).read_bytes(), replace(key, cosigned=0))
    files = []
    for number in range(checkpoint.size):
        path = feed / path_of(number)
        if not path.is_file():
            break
        files.append(path.read_bytes())
    return checkpoint, files


def _witnessed(feed: Path, key: LogKey) -> list[Finding]:
    try:
        check_cosigned((feed / CHECKPOINT).read_bytes(), key.witnesses, key.cosigned)
    except Refused as refused:
        return [Finding(refused.fault, None, str(refused))]
    return []


def _rooted(feed: Path, root: str | None) -> list[Finding]:
    if root is None:
        return []
    begin = read_root(root)
    with tempfile.TemporaryDirectory() as folder:
        try:
            trust = refresh(Path(folder), begin, feed.resolve().as_uri(), FolderFetcher())
        except Refused as refused:
            return [Finding(refused.fault, None, str(refused))]
    return [Finding(each.fault, None, each.why) for each in trust.doubts]


def _against(other: Path, key: LogKey, files: list[bytes]) -> list[Finding]:
    try:
        _, others = _log(other, key)
    except Refused as refused:
        return [Finding(refused.fault, None, f"{other}: {refused}")]
    number = split(files, others)
    if number is None:
        return []
    why = "the two copies differ, and the log's keeper has signed both: keep both as evidence"
    return [Finding(Fault.SPLIT_VIEW, number, why)]


def _show(done: Audit, *, rooted: bool) -> None:
    acts = ", ".join(f"{count} {kind}" for kind, count in done.acts.items())
    print(f"segments   {done.segments:,}, {done.proofs:,} beginnings proved")
    print(f"acts       {acts or 'none'}, {done.patterns:,} patterns")
    for title, counts in (("under", done.legal_bases), ("of", done.authorities)):
        for word, count in counts.most_common():
            print(f"  {title:<8} {printable(word)}: {count:,}")
    if done.delays:
        delays = sorted(done.delays)
        middle = delays[len(delays) // 2]
        print(f"to log     {middle} s in the middle, {delays[-1]} s at most after being signed")
    if done.over:
        print(f"over       {len(done.over)} acts of authorities that have ended or changed since")
    if not rooted:
        print("root       not looked at: --root FILE does")
    _list("late", "yellow", done.late)
    _list("wrong", "red", done.findings)
    print(paint("good", "green") if not done.findings else f"wrong      {len(done.findings)}")


def _list(word: str, colour: str, found: Iterable[Finding]) -> None:
    told = list(found)
    for each in told[:SHOWN]:
        where = "" if each.segment is None else f"segment {each.segment}: "
        print(f"  {paint(word, colour)} ({each.fault.value}) {where}{printable(each.why)}")
    if len(told) > SHOWN:
        print(f"  and {len(told) - SHOWN:,} more; --json prints all")
