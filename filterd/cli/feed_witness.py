"""`filterd feed witness|cosign`: seeing the log grow, and signing that one has."""

import argparse
import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from securesystemslib.signer import Signer

from filterd.cli.base import Exit, complain, paint
from filterd.cli.doubts import warn
from filterd.cli.keyring import add_passphrase, read_public, read_root, signers, write_public
from filterd.cli.times import span
from filterd.feed.checkpoint import MOST
from filterd.feed.checkpoint import PATH as CHECKPOINT
from filterd.feed.follow import LogKey, read_checkpoint, take, weigh
from filterd.feed.keys import public_key
from filterd.feed.mirror import Mirror
from filterd.feed.refusal import Refused
from filterd.feed.remote import PATIENCE, from_folder, over_http
from filterd.feed.segment import MOST_PACKED, path_of
from filterd.feed.standing import read_standing
from filterd.feed.sync import Fetch
from filterd.feed.trust import FolderFetcher, refresh
from filterd.feed.turn import turn
from filterd.feed.witness import Witness, add_cosignatures, cosign
from filterd.model.durable import make_directory, write_atomically
from filterd.model.errors import RulesError

Commands = Any  # argparse does not name what add_subparsers returns
KEY = "log.pub"  # in the witness's folder: the key that its copy of the log is signed with
TRUST_SECONDS = 300  # between two looks at the trust root
_EXAMPLES = """examples:
  filterd feed witness feed --root root.json --key w.pem --name w.example/1 --state w
  filterd feed witness feed --root root.json --key w.pem --name w.example/1 --state w --every 1s
  filterd feed witness https://feed.example/filterd --root root.json --key w.pem \\
      --name w.example/1 --state w -o cosigned     and the keeper: filterd feed cosign feed cosigned
"""


def add(commands: Commands) -> None:
    """Add the subcommands."""
    witness = commands.add_parser(
        "witness",
        help="cosign the log, if it continues what was cosigned before",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    witness.add_argument("feed", metavar="FEED", help="its folder or address")
    witness.add_argument("--root", required=True, metavar="FILE", help="where trust begins")
    witness.add_argument("--key", required=True, metavar="KEY", help="an Ed25519 key")
    witness.add_argument("--name", required=True, metavar="WORD", help="as the policy names you")
    witness.add_argument("--state", required=True, metavar="FOLDER", help="what was seen; keep it")
    witness.add_argument("--every", metavar="SPAN", help="go on, so often: 1s, 5m (default: once)")
    witness.add_argument(
        "-o", "--output", metavar="FILE", help="(default: into the folder of the feed)"
    )
    add_passphrase(witness)
    witness.set_defaults(run=_witness)

    gather = commands.add_parser(
        "cosign",
        help="put what witnesses signed elsewhere into a feed",
        epilog="examples:\n  filterd feed cosign feed cosigned-1 cosigned-2\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    gather.add_argument("feed", metavar="FEED", help="the folder of the feed")
    gather.add_argument("files", nargs="+", metavar="FILE", help="of `filterd feed witness -o`")
    gather.set_defaults(run=_cosign)


@dataclass(slots=True)
class Seer:
    """What a witness has seen of a feed at `url`; `output` None: it signs in the feed's folder."""

    url: str
    root: bytes
    state: Path
    witness: Witness
    signer: Signer
    output: Path | None
    looked_at: int = 0
    mirror: Mirror | None = None
    signed: bytes = b""  # the checkpoint that was cosigned last

    @property
    def remote(self) -> bool:
        """Whether the feed comes by a network."""
        return not self.url.startswith("file:")

    async def look(self, now: int) -> None:
        """See what is new, then cosign it.

        Raises:
            Refused: it is not what should follow; nothing is signed.
            OSError: it cannot be had now.
        """
        if self.mirror is None or now - self.looked_at >= TRUST_SECONDS:
            self._trust(now)
        assert self.mirror is not None
        before = self.mirror.position.edge.size
        if self.remote:
            async with httpx.AsyncClient(timeout=PATIENCE) as client:
                note = await _take(self.mirror, over_http(client, self.url), now)
        else:
            note = await _take(self.mirror, from_folder(self.url), now)
        text = note.rpartition(b"\n\n")[0]
        if text == self.signed:
            return
        cosigned = cosign(note, self.witness.name, self.signer, now)
        if self.output is not None:
            write_atomically(self.output, cosigned)
        else:
            folder = Path(httpx.URL(self.url).path)
            with turn(folder):
                _gather(folder, [("what was cosigned", cosigned)], (self.witness,))
        self.signed = text
        size = self.mirror.position.edge.size
        print(f"cosigned {size} segments, {size - before} of them new", flush=True)

    def _trust(self, now: int) -> None:
        fetcher = None if self.remote else FolderFetcher()
        log = refresh(self.state / "trust", self.root, self.url, fetcher).policy.log
        if self.witness not in log.witnesses:
            warn(f"the feed names no witness {self.witness.name} with this key; no node counts it")
        kept, folder = self.state / KEY, self.state / "log"
        if self.mirror is None:
            make_directory(folder)
            key = read_public(str(kept)) if kept.exists() else log.key
            self.mirror = Mirror(folder, LogKey(log.origin, key))
            self.mirror.load()
        # With another key the log's history goes on from what was seen.
        self.mirror = Mirror(folder, LogKey(log.origin, log.key), self.mirror.position)
        self.looked_at = now


async def _take(mirror: Mirror, fetch: Fetch, now: int) -> bytes:
    """Take what is new, keep it, and return the checkpoint that says so."""
    note = await fetch(CHECKPOINT, MOST)
    checkpoint = read_checkpoint(note, mirror.log)
    first = mirror.position.edge.size
    numbers = range(first, first + weigh(mirror.position, checkpoint, now))
    files = [await fetch(path_of(number), MOST_PACKED) for number in numbers]
    mirror.keep(take(mirror.position, checkpoint, files, now), note, files)
    write_public(mirror.folder.parent / KEY, mirror.log.key)
    return note


def _witness(args: argparse.Namespace) -> int:
    url = args.feed.rstrip("/") if "://" in args.feed else Path(args.feed).resolve().as_uri()
    (signer,) = signers(args, [args.key])
    if public_key(signer).scheme != "ed25519":
        raise RulesError(f"{args.key}: a witness signs with an Ed25519 key, as C2SP has it")
    seer = Seer(
        url,
        read_root(args.root),
        Path(args.state),
        Witness(args.name, public_key(signer)),
        signer,
        None if args.output is None else Path(args.output),
    )
    if seer.remote and seer.output is None:
        raise RulesError("the feed is not a folder here: -o FILE, and hand it to the log's keeper")
    if args.every is None:
        asyncio.run(seer.look(int(time.time())))
        return Exit.OK
    wait, told = span(args.every).total_seconds(), ""
    while True:
        try:
            asyncio.run(seer.look(int(time.time())))
            told = ""
        except (Refused, OSError) as error:
            if str(error) != told:
                complain(f"nothing was cosigned: {error}")
            told = str(error)
        time.sleep(wait)


def _cosign(args: argparse.Namespace) -> int:
    feed = Path(args.feed)
    log = read_standing(feed).policy.log
    others = [(each, Path(each).read_bytes()) for each in args.files]
    with turn(feed):
        note = _gather(feed, others, log.witnesses)
    try:
        read_checkpoint(note, log)
    except Refused as refused:
        print(f"{paint('not yet', 'yellow')}: {refused}")
        return Exit.PROBLEM
    print(f"{feed}: cosigned as the policy wants it ({log.cosigned} of {len(log.witnesses)})")
    return Exit.OK


def _gather(feed: Path, others: Iterable[tuple[str, bytes]], witnesses: Iterable[Witness]) -> bytes:
    """Put cosignatures into the feed, unless its keeper has published another checkpoint since."""
    note = (feed / CHECKPOINT).read_bytes()
    known = tuple(witnesses)
    for name, other in others:
        try:
            note = add_cosignatures(note, other, known)
        except Refused as refused:
            raise Refused(refused.fault, f"{name}: {refused}") from refused
    write_atomically(feed / CHECKPOINT, note)
    return note
