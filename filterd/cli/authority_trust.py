"""`filterd authority root|init|put|renew`: whose keys there are, and who may order."""

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from securesystemslib.signer import Key, Signer, SSlibKey
from tuf.api.metadata import Root

from filterd.cli.authority_further import add_further, check_laid, further_of, tell_further
from filterd.cli.base import Exit, paint
from filterd.cli.keyring import add_passphrase, read_public, signers
from filterd.cli.times import span
from filterd.feed.ceremony import ONLINE, Holders, Publisher, moment, new_root, root_of
from filterd.feed.follow import LogKey
from filterd.feed.keys import public_key
from filterd.feed.policy import Policy, policy_json, read_policy
from filterd.feed.prepared import (
    ROLE,
    Prepared,
    add_signature,
    check_signed,
    prepare,
    prepared_text,
)
from filterd.feed.prepared import read_prepared as read_prepared_bytes
from filterd.feed.publish import Log
from filterd.feed.refusal import Refused
from filterd.feed.registry import read_authority
from filterd.feed.standing import newest, read_standing
from filterd.feed.stored import read_stored
from filterd.feed.turn import turn
from filterd.feed.witness import Witness
from filterd.model.durable import write_atomically
from filterd.model.errors import RulesError
from filterd.model.name import ascii_name
from filterd.model.order import Authority, PublicKey, Registry

Commands = Any  # argparse does not name what add_subparsers returns
_ROOT = """examples:
  filterd authority root --holder a.pem.pub --holder b.pem.pub --holder c.pem.pub \\
      --threshold 2 --online online.pem.pub -o root.json                 the first one
  filterd authority root --feed feed --holder a.pem.pub --holder b.pem.pub --holder d.pem.pub \\
      -o root.json        the next one: c has lost a key; old and new holders sign it
"""
_PUT = """examples:
  filterd authority put feed --targets-key a.pem --targets-key b.pem --online-key online.pem \\
      --authority moet.json                         a new one, or another word about one
  filterd authority put feed --authority moet.json --prepare targets.json      to be signed apart
  filterd authority put feed --targets-key a.pem --targets-key b.pem --online-key online.pem \\
      --remove moet                                 it orders nothing any more
  filterd authority put feed --targets-key a.pem --targets-key b.pem --online-key online.pem \\
      --witness w.example/1=w.pem.pub --cosigned 1  nodes take what a witness has seen
  filterd authority put feed --targets-key a.pem --targets-key b.pem --online-key online.pem \\
      --new-log-key log-2.pem                       the log's key was lost
  filterd authority put feed --new-log-key log-2.pem --prepare targets.json    signed apart; then
  filterd authority renew feed --online-key online.pem --log-key log-2.pem \\
      --log-key-before log.pem.pub
  filterd authority put feed --targets-key a.pem --targets-key b.pem --online-key online.pem \\
      --rollout 3m --popular popular.txt            how orders begin, and what none blocks
  filterd authority put feed --targets-key a.pem --targets-key b.pem --online-key online.pem \\
      --never-decrypt banks.txt --media national.set     for the HTTP filter of nodes
"""


def add(commands: Commands) -> None:
    """Add the subcommands."""
    raw = argparse.RawDescriptionHelpFormatter
    root = commands.add_parser(
        "root",
        help="prepare a root of trust, to be signed by its holders",
        epilog=_ROOT,
        formatter_class=raw,
    )
    root.add_argument("--feed", metavar="FEED", help="the next root of this feed")
    root.add_argument("--holder", action="append", metavar="FILE.pub", help="of root and targets")
    root.add_argument("--threshold", type=int, metavar="N", help="(default: 2, or as it is)")
    root.add_argument("--targets-holder", action="append", metavar="FILE.pub", help="others")
    root.add_argument("--targets-threshold", type=int, metavar="N", help="(default: as root's)")
    root.add_argument("--online", metavar="FILE.pub", help="snapshot, timestamp")
    root.add_argument("-o", "--output", required=True, metavar="FILE")
    root.set_defaults(run=_root)

    init = commands.add_parser("init", help="begin a feed: trust root, authorities, empty log")
    init.add_argument("feed", metavar="FEED", help="an empty folder")
    init.add_argument("--root-key", action="append", default=[], metavar="KEY")
    init.add_argument(
        "--root-threshold", type=int, default=2, metavar="N", help="of them (default: 2)"
    )
    init.add_argument("--root", metavar="FILE", help="a root that its holders have signed")
    init.add_argument("--log-key", required=True, metavar="KEY")
    init.add_argument("--origin", required=True, metavar="WORD", help="who keeps the log")
    init.add_argument(
        "--canaries", required=True, metavar="NAME", help="a domain of yours, for tests"
    )
    _add_policy(init)
    _add_trust(init)
    init.set_defaults(run=_init)

    put = commands.add_parser(
        "put", help="add, change or remove authorities", epilog=_PUT, formatter_class=raw
    )
    put.add_argument("feed", metavar="FEED")
    put.add_argument("--targets-key", action="append", default=[], metavar="KEY")
    put.add_argument("--remove", action="append", default=[], metavar="ID")
    put.add_argument("--witness", action="append", metavar="NAME=FILE.pub", help="all of them")
    put.add_argument("--cosigned", type=int, metavar="N", help="so many witnesses must sign")
    _add_policy(put)
    put.add_argument("--new-log-key", metavar="KEY", help="in place of the one that signs the log")
    _add_trust(put)
    put.set_defaults(run=_put)

    renew = commands.add_parser("renew", help="say that what is there is the newest")
    renew.add_argument("feed", metavar="FEED")
    renew.add_argument("--online-key", required=True, metavar="KEY")
    renew.add_argument("--log-key", required=True, metavar="KEY")
    renew.add_argument("--log-key-before", metavar="FILE.pub", help="it was signed with, till now")
    add_passphrase(renew)
    renew.set_defaults(run=_renew)


def _add_policy(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rollout",
        metavar="SPAN",
        help="until an order that can wait is everywhere: 3m; 0s: at once",
    )
    parser.add_argument(
        "--canary-life", metavar="SPAN", help="how long one is blocked (default: 1h)"
    )
    add_further(parser)


def _add_trust(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--online-key", metavar="KEY", help="snapshot, timestamp")
    parser.add_argument("--authority", action="append", default=[], metavar="FILE.json")
    parser.add_argument(
        "--prepare", metavar="FILE", help="write it to be signed apart, and publish nothing yet"
    )
    add_passphrase(parser)


def _root(args: argparse.Namespace) -> int:
    found = None if args.feed is None else newest(Path(args.feed), "root")
    if args.feed is not None and found is None:
        raise RulesError(f"{args.feed} is no feed: `filterd authority init` begins one")
    before: Root | None = None if found is None else found.signed
    holders = _holders(args.holder, args.threshold, before, "root")
    given = (
        args.targets_holder or args.holder, args.targets_threshold or args.threshold,
    )  # fmt: skip
    targets = _holders(*given, before, "targets")
    online = _holders(None if args.online is None else [args.online], 1, before, "timestamp")
    roles = {"root": holders, "targets": targets, **dict.fromkeys(ONLINE, online)}
    version = 1 if before is None else before.version + 1
    _write(Path(args.output), prepare(root_of(roles, version, moment(int(time.time()))), {}))
    whose = "its holders" if before is None else "old and new holders"
    print(f"root {version}: {holders.threshold} of {len(holders.keys)}; now {whose} sign it")
    return Exit.OK


def _holders(files: list[str] | None, least: int | None, before: Root | None, role: str) -> Holders:
    known = None if before is None else before.roles[role]
    if files is not None:
        keys = tuple(map(_key, files))
    elif before is not None and known is not None:
        keys = tuple(before.keys[each] for each in known.keyids)
    else:
        raise RulesError(f"nobody is named for {role}: --holder and --online, or --feed")
    threshold = least or (2 if known is None else known.threshold)
    if not 0 < threshold <= len(keys):
        raise RulesError(f"{role}: {threshold} of {len(keys)} can never sign; name more holders")
    return Holders(keys, threshold)


def _key(file: str) -> Key:
    key = read_public(file)
    return SSlibKey(key.id, key.keytype, key.scheme, {"public": key.public})


def _init(args: argparse.Namespace) -> int:
    feed, now = Path(args.feed), int(time.time())
    if feed.exists() and any(feed.iterdir()):
        raise RulesError(f"{feed} is not empty; a feed begins in an empty folder")
    if (args.root is None) is (not args.root_key):
        raise RulesError("either --root-key of each holder, or --root that they have signed")
    if args.root is not None and args.prepare is None:
        raise RulesError("--root goes with --prepare: its holders sign who is trusted as well")
    (keeper,) = signers(args, [args.log_key])
    log_key = LogKey(args.origin, public_key(keeper))
    policy = _begun(args, Policy(1, log_key, ascii_name(args.canaries)))
    read_policy(policy_json(policy))  # says what does not fit
    registry = Registry(1, tuple(_authority(each) for each in args.authority))
    holders, further = signers(args, args.root_key), further_of(args, None, 1)
    publisher = Publisher(feed)
    if args.root is None:
        publisher.put_root(_root_at_one_table(args, holders, now))
    else:
        root = read_prepared(args.root)
        check_signed(root, None)
        publisher.put_root(root.written)
    Log.open(feed, log_key, keeper, policy.canaries).renew(now)
    prepared = publisher.prepare_targets(registry, policy, moment(now), further)
    _publish(args, publisher, prepared, holders)
    tell_further(further, None)
    print(f"{feed} is a feed: serve the folder as it is, by nginx or any other")
    print(f"hand {feed / 'trust' / '1.root.json'} to every node, by a way that can be trusted")
    return Exit.OK


def _root_at_one_table(args: argparse.Namespace, holders: list[Signer], now: int) -> bytes:
    online = _online(args)
    offline = Holders(tuple(each.public_key for each in holders), args.root_threshold)
    alone = Holders((online.public_key,), 1)
    roles = {"root": offline, "targets": offline, **dict.fromkeys(ONLINE, alone)}
    return new_root(roles, holders, moment(now))


def _put(args: argparse.Namespace) -> int:
    feed, now = Path(args.feed), int(time.time())
    before = read_standing(feed)
    new = {each.id: each for each in map(_authority, args.authority)}
    known = {each.id: each for each in before.registry.authorities}
    if missing := [each for each in args.remove if each not in known]:
        raise RulesError(f"no authority {', '.join(missing)} in {feed}")
    kept = {name: each for name, each in (known | new).items() if name not in args.remove}
    registry = replace(
        before.registry, version=before.registry.version + 1, authorities=tuple(kept.values())
    )
    log, keeper = _witnessed(args, before.policy.log), None
    if args.new_log_key is not None:
        (keeper,) = signers(args, [args.new_log_key])
        log = replace(log, key=public_key(keeper))
    policy = replace(_begun(args, before.policy), log=log)
    if policy != before.policy:
        policy = replace(policy, version=policy.version + 1)
        read_policy(policy_json(policy))  # says what does not fit
    stored = read_stored(feed, before.policy.log)
    publisher = Publisher(feed)
    said = newest(feed, "targets")
    further = further_of(args, before, 1 if said is None else said.signed.version + 1)
    prepared = publisher.prepare_targets(registry, policy, moment(now), further)
    _publish(args, publisher, prepared, signers(args, args.targets_key))
    tell_further(further, before)
    if keeper is not None and stored is not None and args.prepare is None:
        with turn(feed):
            Log(feed, log, keeper, policy.canaries, stored.position).renew(now)
        print("the log is signed with its new key")
    if stored is not None and args.remove:
        gone = [e for e in stored.position.ledger.entries.values() if e.name[0] in args.remove]
        print(f"orders that end with {', '.join(args.remove)}: {len(gone)}")
    print(f"registry {registry.version}: {', '.join(sorted(kept)) or paint('nobody', 'yellow')}")
    return Exit.OK


def _witnessed(args: argparse.Namespace, log: LogKey) -> LogKey:
    if args.witness is not None:
        pairs = [each.rpartition("=") for each in args.witness]
        witnesses = tuple(Witness(name, read_public(file)) for name, _, file in pairs)
        log = replace(log, witnesses=witnesses)
    return log if args.cosigned is None else replace(log, cosigned=args.cosigned)


def _begun(args: argparse.Namespace, policy: Policy) -> Policy:
    return replace(
        policy,
        rollout=_seconds(args.rollout, policy.rollout),
        canary_life=_seconds(args.canary_life, policy.canary_life),
    )


def _seconds(text: str | None, before: int) -> int:
    if text is None:
        return before
    return 0 if text in {"0", "0s"} else int(span(text).total_seconds())


def _publish(
    args: argparse.Namespace, publisher: Publisher, prepared: Prepared, holders: list[Signer]
) -> None:
    """Publish what was signed by enough, or hand it out to be signed."""
    for each in holders:
        add_signature(prepared, each)
    if args.prepare is not None:
        _write(Path(args.prepare), prepared)
        print(f"{args.prepare}: now its holders sign it: `filterd authority sign`, then `finish`")
        return
    finish(publisher, prepared, _online(args))


def finish(publisher: Publisher, prepared: Prepared, online: Signer | None) -> None:
    """Publish what enough have signed. `online`: and say that it is the newest.

    Raises:
        Refused: UNSIGNED; too few have.
        RulesError: it is not what follows, or not the key that says what is newest.
    """
    feed = publisher.folder
    root = newest(feed, "root")
    above = newest(feed, "targets") if prepared.role not in {"root", "targets"} else root
    check_signed(prepared, None if above is None else above.signed)
    check_laid(feed, prepared)
    if online is not None:
        _check_online(feed, online)
    try:
        publisher.put(prepared)
    except ValueError as error:
        raise RulesError(f"{error}: something was published since; prepare it anew") from error
    if online is not None:
        publisher.renew(online, moment(int(time.time())))
    if prepared.role == "targets":
        _tell_of_manifests(feed, prepared)


def _check_online(feed: Path, online: Signer) -> None:
    """RulesError unless the root in force, if there is one, says that this key tells the newest."""
    root = newest(feed, "root")
    if root is not None and online.public_key.keyid not in root.signed.roles["timestamp"].keyids:
        raise RulesError("--online-key: not the key that the root names for it")


def _tell_of_manifests(feed: Path, targets: Prepared) -> None:
    """Say which authorities' own words have lost a signature with an officer's key."""
    above = targets.metadata.signed
    for role in () if above.delegations is None else above.delegations.roles or ():
        said = newest(feed, role)
        if said is None:
            continue
        if above.get_verification_result(role, said.signed_bytes, said.signatures).missing:
            who = role.removeprefix(ROLE)
            print(f"{paint('now', 'yellow')}: let officers of {who} sign its manifest anew")


def read_prepared(file: str) -> Prepared:
    """Read a file that is on its way between its signers. RulesError, OSError."""
    try:
        return read_prepared_bytes(Path(file).read_bytes())
    except Refused as refused:
        hint = "an order is signed by `filterd order sign`"
        raise RulesError(
            f"{file}: nothing that was prepared to be signed; {hint} ({refused})"
        ) from refused


def _write(path: Path, prepared: Prepared) -> None:
    write_atomically(path, prepared_text(prepared).encode())


def _online(args: argparse.Namespace) -> Signer:
    if args.online_key is None:
        raise RulesError("--online-key is missing: it says what is newest")
    return signers(args, [args.online_key])[0]


def _renew(args: argparse.Namespace) -> int:
    feed, now = Path(args.feed), int(time.time())
    policy = read_standing(feed).policy
    (keeper,) = signers(args, [args.log_key])
    (online,) = signers(args, [args.online_key])
    _check_online(feed, online)
    with turn(feed):
        Publisher(feed).renew(online, moment(now))
        if args.log_key_before is None:
            log = Log.open(feed, policy.log, keeper, policy.canaries)
        else:
            log = _with_new_key(feed, policy, keeper, read_public(args.log_key_before))
        checkpoint = log.renew(now)
    print(f"{feed}: {checkpoint.size} segments, signed anew")
    return Exit.OK


def _with_new_key(feed: Path, policy: Policy, keeper: Signer, before: PublicKey) -> Log:
    """Open a log whose checkpoint is still signed with the key `before`. Refused, OSError."""
    if public_key(keeper) != policy.log.key:
        raise RulesError("--log-key: not the one that the policy names by now")
    stored = read_stored(feed, replace(policy.log, key=before))
    if stored is None:
        raise RulesError(f"{feed} has no log")
    return Log(feed, policy.log, keeper, policy.canaries, stored.position)


def _authority(path: str) -> Authority:
    try:
        value: Mapping[str, object] = json.loads(Path(path).read_text(encoding="utf-8"))
        return read_authority(value)
    except (ValueError, Refused) as error:
        raise RulesError(
            f"{path}: not what `filterd authority describe` writes: {error}"
        ) from error
