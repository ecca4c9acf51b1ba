"""`filterd authority`: keys, the trust root, and which authorities there are."""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

from filterd.cli.base import Command, Exit, paint
from filterd.cli.keyring import add_passphrase, passphrase, read_public, signers, write_public
from filterd.cli.times import span
from filterd.feed.ceremony import Holders, Publisher, moment, new_root
from filterd.feed.follow import LogKey
from filterd.feed.keys import new_key, public_key
from filterd.feed.policy import Policy, policy_json, read_policy
from filterd.feed.popular import popular_json, read_popular
from filterd.feed.publish import Log
from filterd.feed.registry import authority_json, read_authority
from filterd.feed.standing import read_standing
from filterd.model.errors import RulesError
from filterd.model.order import Authority, Effect, Mandate, Registry

EXAMPLES = """\
  filterd authority key officer-1.pem                     an officer's key, and officer-1.pem.pub
  filterd authority describe moet --name "Ministry of Education" --officer officer-1.pem.pub \\
      --officer officer-2.pem.pub --legal-basis decree-147 --category gambling -o moet.json
  filterd authority init feed --root-key a.pem --root-key b.pem --online-key online.pem \\
      --log-key log.pem --origin log.example/orders --canaries canary.example --authority moet.json
  filterd authority put feed --targets-key a.pem --targets-key b.pem --online-key online.pem \\
      --authority moet.json                         a new one, or another word about one
  filterd authority put feed --targets-key a.pem --targets-key b.pem --online-key online.pem \\
      --remove moet
  filterd authority put feed --targets-key a.pem --targets-key b.pem --online-key online.pem \\
      --rollout 3m --popular popular.txt            how orders begin, and what none blocks
  filterd authority renew feed --online-key online.pem --log-key log.pem   every hour
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    commands = parser.add_subparsers(dest="authority_command", metavar="COMMAND", required=True)

    key = commands.add_parser("key", help="make a key, encrypted, and write its public part")
    key.add_argument("file", metavar="FILE")
    add_passphrase(key)
    key.set_defaults(run=_key)

    describe = commands.add_parser("describe", help="write down an authority and its mandate")
    describe.add_argument("id", metavar="ID")
    describe.add_argument("--name", required=True, metavar="TEXT")
    describe.add_argument("--officer", required=True, action="append", metavar="FILE.pub")
    describe.add_argument("--threshold", type=int, default=2, metavar="N", help="(default: 2)")
    describe.add_argument("--legal-basis", required=True, action="append", metavar="WORD")
    describe.add_argument("--category", required=True, action="append", metavar="WORD")
    effects = [each.value for each in Effect]
    describe.add_argument("--effect", action="append", choices=effects, help="(default: block)")
    describe.add_argument("--under", action="append", default=[], metavar="NAME", help="only these")
    describe.add_argument("--until", default="90d", metavar="SPAN", help="(default: 90d)")
    describe.add_argument("-o", "--output", required=True, metavar="FILE")
    describe.set_defaults(run=_describe)

    init = commands.add_parser("init", help="begin a feed: trust root, authorities, empty log")
    init.add_argument("feed", metavar="FEED", help="an empty folder")
    init.add_argument("--root-key", required=True, action="append", metavar="FILE")
    init.add_argument("--root-threshold", type=int, default=2, metavar="N", help="(default: 2)")
    init.add_argument("--log-key", required=True, metavar="FILE")
    init.add_argument("--origin", required=True, metavar="WORD", help="who keeps the log")
    init.add_argument("--canaries", required=True, metavar="NAME", help="a domain of your own")
    _add_policy(init)
    _add_trust(init)
    init.set_defaults(run=_init)

    put = commands.add_parser("put", help="add, change or remove authorities")
    put.add_argument("feed", metavar="FEED")
    put.add_argument("--targets-key", required=True, action="append", metavar="FILE")
    put.add_argument("--remove", action="append", default=[], metavar="ID")
    _add_policy(put)
    _add_trust(put)
    put.set_defaults(run=_put)

    renew = commands.add_parser("renew", help="say that what is there is the newest")
    renew.add_argument("feed", metavar="FEED")
    renew.add_argument("--online-key", required=True, metavar="FILE")
    renew.add_argument("--log-key", required=True, metavar="FILE")
    add_passphrase(renew)
    renew.set_defaults(run=_renew)


def _add_policy(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rollout",
        metavar="SPAN",
        help="until an order that can wait is everywhere; 0s: at once",
    )
    parser.add_argument("--popular", metavar="FILE", help="names, one a line, that no order blocks")


def _add_trust(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--online-key", required=True, metavar="FILE", help="snapshot, timestamp")
    parser.add_argument("--authority", action="append", default=[], metavar="FILE.json")
    add_passphrase(parser)


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    return int(args.run(args))


def _key(args: argparse.Namespace) -> int:
    path = Path(args.file)
    made = new_key(path, passphrase(args, f"the new key {path.name}"))
    write_public(path.with_name(f"{path.name}.pub"), made)
    print(f"{path} is the key, keep it and its passphrase apart; {path}.pub is for everyone")
    print(f"key id {made.id}")
    return Exit.OK


def _describe(args: argparse.Namespace) -> int:
    authority = Authority(
        id=args.id,
        name=args.name,
        officers=tuple(read_public(each) for each in args.officer),
        threshold=args.threshold,
        mandate=Mandate(
            legal_bases=frozenset(args.legal_basis),
            categories=frozenset(args.category),
            effects=frozenset(Effect(each) for each in args.effect or ["block"]),
            names=frozenset(args.under),
        ),
        not_after=int(time.time() + span(args.until).total_seconds()),
    )
    read_authority(authority_json(authority))  # says what does not fit
    text = json.dumps(authority_json(authority), indent=2, ensure_ascii=False)
    Path(args.output).write_text(text + "\n", encoding="utf-8")
    print(f"{args.output}: {authority.threshold} of {len(authority.officers)} officers must sign")
    return Exit.OK


def _init(args: argparse.Namespace) -> int:
    feed, now = Path(args.feed), int(time.time())
    if feed.exists() and any(feed.iterdir()):
        raise RulesError(f"{feed} is not empty; a feed begins in an empty folder")
    holders = signers(args, args.root_key)
    (online,) = signers(args, [args.online_key])
    (keeper,) = signers(args, [args.log_key])
    keys = tuple(each.public_key for each in holders)
    offline = Holders(keys, args.root_threshold)
    alone = Holders((online.public_key,), 1)
    roles = {"root": offline, "targets": offline, "snapshot": alone, "timestamp": alone}
    publisher = Publisher(feed)
    publisher.put_root(new_root(roles, holders, moment(now)))
    log_key = LogKey(args.origin, public_key(keeper))
    registry = Registry(1, tuple(_authority(each) for each in args.authority))
    policy = _policy(args, Policy(1, log_key, args.canaries))
    publisher.put_targets(registry, policy, holders, moment(now), _popular(args, ()))
    publisher.renew(online, moment(now))
    Log.open(feed, log_key, keeper, args.canaries).renew(now)
    print(f"{feed} is a feed: serve the folder as it is, by nginx or any other")
    print(f"hand {feed / 'trust' / '1.root.json'} to every node, by a way that can be trusted")
    return Exit.OK


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
    publisher = Publisher(feed)
    policy, popular = _policy(args, before.policy), _popular(args, before.popular)
    holders = signers(args, args.targets_key)
    publisher.put_targets(registry, policy, holders, moment(now), popular)
    publisher.renew(signers(args, [args.online_key])[0], moment(now))
    print(f"registry {registry.version}: {', '.join(sorted(kept)) or paint('nobody', 'yellow')}")
    return Exit.OK


def _renew(args: argparse.Namespace) -> int:
    feed, now = Path(args.feed), int(time.time())
    policy = read_standing(feed).policy
    (keeper,) = signers(args, [args.log_key])
    (online,) = signers(args, [args.online_key])
    Publisher(feed).renew(online, moment(now))
    checkpoint = Log.open(feed, policy.log, keeper, policy.canaries).renew(now)
    print(f"{feed}: {checkpoint.size} segments, signed anew")
    return Exit.OK


def _policy(args: argparse.Namespace, before: Policy) -> Policy:
    if args.rollout is None:
        return before
    rollout = int(span(args.rollout).total_seconds())
    policy = replace(before, version=before.version + 1, rollout=rollout)
    return read_policy(policy_json(policy))  # says what does not fit


def _popular(args: argparse.Namespace, before: tuple[str, ...]) -> tuple[str, ...]:
    if args.popular is None:
        return before
    lines = Path(args.popular).read_text(encoding="utf-8").split("\n")
    names = {line.strip() for line in lines if line.strip() and not line.startswith("#")}
    return read_popular(popular_json(names))


def _authority(path: str) -> Authority:
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise RulesError(
            f"{path}: not what `filterd authority describe` writes: {error}"
        ) from error
    return read_authority(value)


COMMAND = Command("authority", "keys, trust root and authorities", EXAMPLES, arguments, run)
