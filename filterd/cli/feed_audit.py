"""`filterd feed audit|witness|cosign`: looking at a log without trusting its keeper."""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from filterd.cli.base import Exit, add_json, paint, printable
from filterd.cli.keyring import add_passphrase, signers
from filterd.feed.audit import Audit, Finding, audit, split, summary
from filterd.feed.breadth import breadth_of
from filterd.feed.checkpoint import MOST, Checkpoint
from filterd.feed.checkpoint import PATH as CHECKPOINT
from filterd.feed.follow import LogKey, read_checkpoint, take, weigh
from filterd.feed.keys import public_key
from filterd.feed.mirror import Mirror
from filterd.feed.refusal import Fault, Refused
from filterd.feed.remote import PATIENCE, from_folder, over_http
from filterd.feed.segment import MOST_PACKED, path_of
from filterd.feed.standing import read_manifest_of, read_standing
from filterd.feed.sync import Fetch
from filterd.feed.trust import FolderFetcher, refresh
from filterd.feed.turn import turn
from filterd.feed.witness import Witness, add_cosignatures, check_cosigned, cosign
from filterd.model.durable import make_directory, write_atomically
from filterd.model.errors import RulesError
from filterd.policy.rulebook import default_directory, load_rulebook

Commands = Any  # argparse does not name what add_subparsers returns
SHOWN = 20  # findings that are printed of each kind
_AUDIT = """examples:
  filterd feed audit feed --root root.json
  filterd feed audit feed --against mirror         another copy: is it the same history?
  filterd feed audit feed --json                   for scripts; exit code 1 if something is wrong
"""
_WITNESS = """examples:
  filterd feed witness feed --root root.json --key w.pem --name w.example/1 --state w
  filterd feed witness https://feed.example/filterd --root root.json --key w.pem \\
      --name w.example/1 --state w -o cosigned     and the keeper: filterd feed cosign feed cosigned
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

    witness = commands.add_parser(
        "witness",
        help="cosign the log, if it continues what was cosigned before",
        epilog=_WITNESS,
        formatter_class=raw,
    )
    witness.add_argument("feed", metavar="FEED", help="its folder or address")
    witness.add_argument("--root", required=True, metavar="FILE", help="where trust begins")
    witness.add_argument("--key", required=True, metavar="KEY", help="an Ed25519 key in a file")
    witness.add_argument("--name", required=True, metavar="WORD", help="as the policy names you")
    witness.add_argument("--state", required=True, metavar="FOLDER", help="what was seen; keep it")
    witness.add_argument(
        "-o", "--output", metavar="FILE", help="(default: into the folder of the feed)"
    )
    add_passphrase(witness)
    witness.set_defaults(run=_witness)

    gather = commands.add_parser("cosign", help="put what witnesses signed elsewhere into a feed")
    gather.add_argument("feed", metavar="FEED", help="the folder of the feed")
    gather.add_argument("files", nargs="+", metavar="FILE", help="of `filterd feed witness -o`")
    gather.set_defaults(run=_cosign)


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
    done = audit(checkpoint, files, trust.registry, breadth, said)
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
    with tempfile.TemporaryDirectory() as folder:
        try:
            url = feed.resolve().as_uri()
            trust = refresh(Path(folder), Path(root).read_bytes(), url, FolderFetcher())
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


def _witness(args: argparse.Namespace) -> int:
    remote = "://" in args.feed and not args.feed.startswith("file:")
    if remote and args.output is None:
        raise RulesError("the feed is not a folder here: -o FILE, and hand it to the log's keeper")
    url = args.feed.rstrip("/") if "://" in args.feed else Path(args.feed).resolve().as_uri()
    (signer,) = signers(args, [args.key])
    if public_key(signer).scheme != "ed25519":
        raise RulesError(f"{args.key}: a witness signs with an Ed25519 key, as C2SP has it")
    state, now = Path(args.state), int(time.time())
    fetcher = None if remote else FolderFetcher()
    trust = refresh(state / "trust", Path(args.root).read_bytes(), url, fetcher)
    mirror = Mirror(state / "log", LogKey(trust.policy.log.origin, trust.policy.log.key))
    make_directory(mirror.folder)
    mirror.load()
    before = mirror.position.edge.size
    note = asyncio.run(_follow(mirror, url, now, remote=remote))
    cosigned, target = cosign(note, args.name, signer, now), Path(args.output or args.feed)
    if args.output is not None:
        write_atomically(target, cosigned)
    else:
        with turn(target):
            _gather(target, [cosigned], (Witness(args.name, public_key(signer)),))
    size = mirror.position.edge.size
    print(f"{target}: cosigned {size} segments, {size - before} of them new")
    return Exit.OK


async def _follow(mirror: Mirror, url: str, now: int, *, remote: bool) -> bytes:
    """Take what is new and return the checkpoint that says so."""
    if not remote:
        return await _take(mirror, from_folder(url), now)
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        return await _take(mirror, over_http(client, url), now)


async def _take(mirror: Mirror, fetch: Fetch, now: int) -> bytes:
    note = await fetch(CHECKPOINT, MOST)
    checkpoint = read_checkpoint(note, mirror.log)
    first = mirror.position.edge.size
    numbers = range(first, first + weigh(mirror.position, checkpoint, now))
    files = [await fetch(path_of(number), MOST_PACKED) for number in numbers]
    mirror.keep(take(mirror.position, checkpoint, files, now), note, files)
    return note


def _cosign(args: argparse.Namespace) -> int:
    feed = Path(args.feed)
    log = read_standing(feed).policy.log
    others = [Path(each).read_bytes() for each in args.files]
    with turn(feed):
        note = _gather(feed, others, log.witnesses)
    try:
        read_checkpoint(note, log)
    except Refused as refused:
        print(f"{paint('not yet', 'yellow')}: {refused}")
        return Exit.PROBLEM
    print(f"{feed}: cosigned as the policy wants it ({log.cosigned} of {len(log.witnesses)})")
    return Exit.OK


def _gather(feed: Path, others: Iterable[bytes], witnesses: Iterable[Witness]) -> bytes:
    """Put cosignatures into the feed, unless its keeper has published another checkpoint since."""
    note = (feed / CHECKPOINT).read_bytes()
    known = tuple(witnesses)
    for other in others:
        note = add_cosignatures(note, other, known)
    write_atomically(feed / CHECKPOINT, note)
    return note
