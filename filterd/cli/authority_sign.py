"""`filterd authority manifest|sign|show|finish`: what is signed one after the other."""

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from securesystemslib.signer import Signer
from tuf.api.metadata import Root

from filterd.cli.act_file import read_act
from filterd.cli.authority_trust import finish, read_prepared
from filterd.cli.base import Exit, paint, printable
from filterd.cli.keyring import add_passphrase, signers
from filterd.cli.times import ZONE, clock_text
from filterd.feed.breadth import breadth_of
from filterd.feed.ceremony import Publisher, moment
from filterd.feed.judge import judge
from filterd.feed.ledger import digest
from filterd.feed.manifest import Counted, Manifest
from filterd.feed.media import read_media
from filterd.feed.prepared import add_signature, prepared_text, signers_of
from filterd.feed.standing import newest, read_manifest_of, read_standing
from filterd.feed.stored import read_stored
from filterd.model.durable import write_atomically
from filterd.model.errors import RulesError
from filterd.model.order import Order
from filterd.policy.rulebook import default_directory, load_rulebook

Commands = Any  # argparse does not name what add_subparsers returns
_MANIFEST = """examples:
  filterd authority manifest feed moet --vi "Bộ Giáo dục" --en "Ministry of Education" \\
      --contact https://appeal.example -o said.json
  filterd authority manifest feed moet --order 17.json --order 18.json -o said.json
      also counts these, whether or not the log has them: so an omission comes to light
  filterd authority sign said.json --key officer-1.pem            as many officers as an order has
  filterd authority finish feed said.json --online-key online.pem
"""
_NAMED = 5  # names of a list that are shown; all of them are in the file
_SIGN = """examples:
  filterd authority show root.json                  what is it, and who has signed?
  filterd authority sign root.json --key a.pem
  filterd authority sign root.json --key 'pkcs11:token=holder-b;id=%02'
"""


def add(commands: Commands) -> None:
    """Add the subcommands."""
    raw = argparse.RawDescriptionHelpFormatter
    said = commands.add_parser(
        "manifest",
        help="write down what an authority has in force, to be signed by its officers",
        epilog=_MANIFEST,
        formatter_class=raw,
    )
    said.add_argument("feed", metavar="FEED")
    said.add_argument("id", metavar="ID")
    said.add_argument("--vi", metavar="NAME", help="its name in Vietnamese (default: as before)")
    said.add_argument("--en", metavar="NAME", help="its name in English (default: as before)")
    said.add_argument("--contact", metavar="TEXT", help="where to appeal (default: as before)")
    said.add_argument("--order", action="append", default=[], metavar="FILE", help="counted too")
    said.add_argument("-o", "--output", required=True, metavar="FILE")
    said.set_defaults(run=_manifest)

    put = commands.add_parser(
        "sign",
        help="sign a root, targets or a manifest that was prepared",
        epilog=_SIGN,
        formatter_class=raw,
    )
    put.add_argument("file", metavar="FILE")
    put.add_argument("--key", required=True, action="append", metavar="KEY")
    add_passphrase(put)
    put.set_defaults(run=_sign)

    show = commands.add_parser("show", help="say what was prepared, and who has signed it")
    show.add_argument("file", metavar="FILE")
    show.add_argument("--feed", metavar="FEED", help="and who has still to sign")
    show.set_defaults(run=_show)

    done = commands.add_parser("finish", help="publish what enough have signed")
    done.add_argument("feed", metavar="FEED")
    done.add_argument("file", metavar="FILE")
    done.add_argument(
        "--online-key", metavar="KEY", help="snapshot, timestamp (else `renew` later)"
    )
    add_passphrase(done)
    done.set_defaults(run=_finish)


def _manifest(args: argparse.Namespace) -> int:
    feed = Path(args.feed)
    trust = read_standing(feed)
    stored = read_stored(feed, trust.policy.log)
    if trust.registry.find(args.id) is None or stored is None:
        raise RulesError(f"no authority {args.id} in {feed}, or no log")
    position, before = stored.position, read_manifest_of(feed, args.id)
    breadth = breadth_of(load_rulebook(default_directory()).must_not_block, trust.popular)
    judged = judge(position.ledger, trust.registry, breadth)
    counted = {
        key: Counted(each.entry.order.id, key, each.entry.order.not_after)
        for key, each in judged.items()
        if each.enforced and each.entry.name[0] == args.id
    }
    there = {each.entry.order for each in judged.values()}
    missing = [each for each in _files(args.order, args.id) if each[0] not in there]
    lost = [Counted(order.id, mark, order.not_after) for order, mark in missing]
    for each in (*lost, *(before.orders if before is not None else ())):
        if each.digest not in judged and each.not_after > position.time:
            counted.setdefault(each.digest, each)
            print(f"{paint('not in the log', 'red')}: {printable(each.id)}; nodes will say so")
    names = (
        args.vi or (before.names[0] if before else None),
        args.en or (before.names[1] if before else None),
        args.contact or (before.contact if before else None),
    )
    vi, en, contact = names
    if vi is None or en is None or contact is None:
        raise RulesError("the first time, say --vi, --en and --contact")
    made = Manifest(
        args.id, (vi, en), contact, position.edge.size, position.edge.root, tuple(counted.values())
    )
    prepared = Publisher(feed).prepare_manifest(made, moment(int(time.time())))
    write_atomically(Path(args.output), prepared_text(prepared).encode())
    print(f"{args.output}: counts orders: {len(counted)}; now the officers of {args.id} sign it")
    return Exit.OK


def _files(files: list[str], authority: str) -> list[tuple[Order, bytes]]:
    found = []
    for file in files:
        signed = read_act(Path(file))
        if not isinstance(signed.act, Order) or signed.act.authority != authority:
            raise RulesError(f"{file}: not an order of {authority}")
        found.append((signed.act, digest(signed)))
    return found


def _sign(args: argparse.Namespace) -> int:
    prepared = read_prepared(args.file)
    keys = signers(args, args.key)
    signed = prepared.metadata.signed
    for path, each in zip(args.key, keys, strict=True):
        # An old holder signs the next root too, so only the first says who all of them are.
        if (
            isinstance(signed, Root)
            and signed.version == 1
            and each.public_key.keyid not in signed.keys
        ):
            raise RulesError(f"{path}: not the key of a holder that {args.file} names")
    for each in keys:
        add_signature(prepared, each)
        print(f"{args.file}: {prepared.role} signed by {each.public_key.keyid[:16]}")
    write_atomically(Path(args.file), prepared_text(prepared).encode())
    return Exit.OK


def _show(args: argparse.Namespace) -> int:
    prepared = read_prepared(args.file)
    signed = prepared.metadata.signed
    ends = clock_text(int(signed.expires.timestamp()), ZONE)
    print(f"{prepared.role} {signed.version}, until {ends}")
    if isinstance(signed, Root):
        for role, holders in signed.roles.items():
            print(f"  {role:<12} {holders.threshold} of {len(holders.keyids)}")
            for each in holders.keyids:
                print(f"    {each}")
    for name, value in prepared.files.items():
        _show_file(name, value)
    for each in prepared.metadata.signatures:
        print(f"signed by {each}")
    if args.feed is not None or isinstance(signed, Root):
        _say_who(args, prepared)
    return Exit.OK


def _show_file(name: str, value: Mapping[str, Any]) -> None:
    print(f"  {printable(name)}")
    for each in value.get("authorities", ()):
        text = f"{each['id']}: {each['name']}, {each['threshold']} of {len(each['officers'])}"
        print(f"    {printable(text)}")
    names = value.get("names")
    if isinstance(names, list):
        some = ", ".join(map(str, names[:_NAMED])) + (", …" if len(names) > _NAMED else "")
        print(f"    {len(names)} names: {printable(some)}")
    for one in read_media(value) if "sets" in value else ():
        print(f"    set {one.id}: epoch {one.epoch}, {one.length:,} bytes, {one.sha256}")
    for each in value.get("orders", ()):
        print(f"    order {printable(str(each[0]))}, until {clock_text(each[2], ZONE)}")


def _say_who(args: argparse.Namespace, prepared: Any) -> None:
    feed = None if args.feed is None else Path(args.feed)
    if feed is not None and newest(feed, "root") is None:
        raise RulesError(f"{feed} is no feed: `filterd authority init` begins one")
    role = "root" if prepared.role in {"root", "targets"} else "targets"
    above = None if feed is None else newest(feed, role)
    found = signers_of(prepared, None if above is None else above.signed)
    print(f"signatures that are missing: {found.missing}")
    if found.missing:
        print(f"who may: {', '.join(each[:16] for each in found.others)}")


def _finish(args: argparse.Namespace) -> int:
    publisher, prepared = Publisher(Path(args.feed)), read_prepared(args.file)
    if newest(publisher.folder, "root") is None:
        raise RulesError(f"{args.feed} is no feed: `filterd authority init` begins one")
    online: Signer | None = None
    if args.online_key is not None:
        (online,) = signers(args, [args.online_key])
    finish(publisher, prepared, online)
    print(f"{args.feed}: {prepared.role} {prepared.metadata.signed.version} is published")
    targets = newest(publisher.folder, "targets")
    if prepared.role == "root" and targets is not None:
        root: Root = prepared.metadata.signed
        held = root.get_verification_result("targets", targets.signed_bytes, targets.signatures)
        if held.missing:
            print(f"{paint('now', 'yellow')}: let its new holders sign who is trusted, by")
            print("  filterd authority put FEED --prepare targets.json, then sign and finish")
    return Exit.OK
