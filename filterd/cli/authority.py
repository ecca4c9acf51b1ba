"""`filterd authority`: keys, who orders, the trust root, and what authorities say of themselves."""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

from filterd.cli import authority_sign, authority_trust
from filterd.cli.base import Command, Exit, add_examples
from filterd.cli.doubts import doubt_categories
from filterd.cli.keyring import add_passphrase, new_passphrase, read_public, signers, write_public
from filterd.cli.times import span
from filterd.feed.keys import new_key, public_key
from filterd.feed.registry import authority_json, read_authority
from filterd.feed.standing import read_standing
from filterd.model.durable import write_atomically
from filterd.model.errors import RulesError
from filterd.model.name import ascii_name
from filterd.model.order import Authority, Effect, Mandate, PublicKey, Retired

EXAMPLES = """\
  filterd authority key officer-1.pem                     an officer's key, and officer-1.pem.pub
  filterd authority public 'pkcs11:token=officer-2;id=%02' -o officer-2.pub      of one in a card
  filterd authority describe moet --name "Ministry of Education" --officer officer-1.pem.pub \\
      --officer officer-2.pub --legal-basis decree-147 --category gambling -o moet.json

a ceremony at one table:
  filterd authority init feed --root-key a.pem --root-key b.pem --online-key online.pem \\
      --log-key log.pem --origin log.example/orders --canaries canary.example --authority moet.json

or of five holders, each at home:
  filterd authority root --holder a.pem.pub … --threshold 3 --online online.pem.pub -o root.json
  filterd authority sign root.json --key a.pem            three of them, one after the other
  filterd authority init feed --root root.json --prepare targets.json --log-key log.pem …
  filterd authority sign targets.json --key a.pem         three of them
  filterd authority show targets.json --feed feed         what is it, who has still to sign?
  filterd authority finish feed targets.json --online-key online.pem

later:
  filterd authority officers feed moet --add new.pub --retire old.pub -o moet.json
  filterd authority put feed --authority moet.json --targets-key a.pem … --online-key online.pem
  filterd authority manifest feed moet --contact https://appeal.example -o said.json
  filterd authority renew feed --online-key online.pem --log-key log.pem          every hour

Wherever a key's FILE is asked for, `pkcs11:token=LABEL;id=%02?module-path=…` names one in a card;
its PIN is asked for, or read from `&pin-source=file:…`. See `filterd authority COMMAND --help`.
"""


ABOUT = {
    "FEED": "the folder of the feed",
    "ID": "of an authority",
    "FILE": "what was prepared: by root, init, put or manifest",
    "KEY": "the key: a file, or pkcs11:… for one in a card",
    "--output": "the file that is written",
    "--name": "as people know it",
    "--officer": "the public part of an officer's key; once for each",
    "--legal-basis": "what it may order by; once for each",
    "--category": "what it may order against; once for each",
    "--authority": "what `describe` or `officers` wrote; once for each",
    "--root-key": "a holder's key; once for each",
    "--targets-key": "the key of a holder of targets; once for each",
    "--online-key": "the key of snapshot and timestamp, which say what is newest",
    "--log-key": "the key that signs the log",
    "--remove": "an authority that orders nothing any more; once for each",
    "--key": "a signer's key: a file, or pkcs11:… for one in a card",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    commands = parser.add_subparsers(dest="authority_command", metavar="COMMAND", required=True)

    key = commands.add_parser("key", help="make a key, encrypted, and write its public part")
    key.add_argument("file", metavar="FILE", help="is made, and FILE.pub beside it")
    add_passphrase(key)
    key.set_defaults(run=_key)

    public = commands.add_parser("public", help="write the public part of a key, in a card too")
    public.add_argument("key", metavar="KEY")
    public.add_argument("-o", "--output", required=True, metavar="FILE.pub")
    add_passphrase(public)
    public.set_defaults(run=_public)

    describe = commands.add_parser("describe", help="write down an authority and its mandate")
    describe.add_argument("id", metavar="ID", help="a-z, 0-9 and -")
    describe.add_argument("--name", required=True, metavar="TEXT")
    describe.add_argument("--officer", required=True, action="append", metavar="FILE.pub")
    describe.add_argument(
        "--threshold", type=int, default=2, metavar="N", help="so many must sign (default: 2)"
    )
    describe.add_argument("--legal-basis", required=True, action="append", metavar="WORD")
    describe.add_argument("--category", required=True, action="append", metavar="WORD")
    effects = [each.value for each in Effect]
    describe.add_argument("--effect", action="append", choices=effects, help="(default: block)")
    describe.add_argument(
        "--under", action="append", default=[], metavar="NAME", help="only names under this one"
    )
    describe.add_argument(
        "--until",
        default="90d",
        metavar="SPAN",
        help="how long it may order: 12h, 30d (default: 90d)",
    )
    describe.add_argument("-o", "--output", required=True, metavar="FILE")
    describe.set_defaults(run=_describe)

    officers = commands.add_parser("officers", help="describe it anew: officers, threshold, end")
    officers.add_argument("feed", metavar="FEED")
    officers.add_argument("id", metavar="ID")
    for word, about in (
        ("add", "signs from now on"),
        ("retire", "signs nothing more; what was logged before stands"),
        ("revoke", "counts for nothing, not even for what was logged before"),
    ):
        officers.add_argument(
            f"--{word}", action="append", default=[], metavar="FILE.pub", help=about
        )
    officers.add_argument("--threshold", type=int, metavar="N", help="(default: as it is)")
    officers.add_argument("--until", metavar="SPAN", help="from now: 12h, 90d (default: as it is)")
    officers.add_argument("-o", "--output", required=True, metavar="FILE")
    officers.set_defaults(run=_officers)

    authority_trust.add(commands)
    authority_sign.add(commands)
    add_examples(commands, EXAMPLES, ABOUT)


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    return int(args.run(args))


def _key(args: argparse.Namespace) -> int:
    path = Path(args.file)
    made = new_key(path, new_passphrase(args, f"the new key {path.name}"))
    write_public(path.with_name(f"{path.name}.pub"), made)
    print(f"{path} is the key, keep it and its passphrase apart; {path}.pub is for everyone")
    print(f"key id {made.id}")
    return Exit.OK


def _public(args: argparse.Namespace) -> int:
    (signer,) = signers(args, [args.key])
    key = public_key(signer)
    write_public(Path(args.output), key)
    print(f"{args.output}: {key.scheme}, key id {key.id}")
    return Exit.OK


def _describe(args: argparse.Namespace) -> int:
    under = frozenset(map(ascii_name, args.under))
    if "" in under:
        raise RulesError("--under is a domain name; without it, any name may be ordered")
    authority = Authority(
        id=args.id,
        name=args.name,
        officers=tuple(read_public(each) for each in args.officer),
        threshold=args.threshold,
        mandate=Mandate(
            legal_bases=frozenset(args.legal_basis),
            categories=frozenset(args.category),
            effects=frozenset(Effect(each) for each in args.effect or ["block"]),
            names=under,
        ),
        not_after=int(time.time() + span(args.until).total_seconds()),
    )
    doubt_categories(args.category)
    return _write(Path(args.output), authority)


def _officers(args: argparse.Namespace) -> int:
    now = int(time.time())
    authority = read_standing(Path(args.feed)).registry.find(args.id)
    if authority is None:
        raise RulesError(f"no authority {args.id} in {args.feed}; `describe` writes down a new one")
    added, gone = _keys(args.add), {each.id for each in _keys([*args.retire, *args.revoke])}
    known = {each.id for each in authority.officers} | {each.key.id for each in authority.retired}
    if missing := gone - known:
        raise RulesError(f"no officer of {args.id}: {', '.join(each[:16] for each in missing)}")
    leaving = {each.id for each in _keys(args.retire)}
    retired = [each for each in authority.retired if each.key.id not in gone]
    retired += [Retired(each, now) for each in authority.officers if each.id in leaving]
    changed = replace(
        authority,
        officers=(*(each for each in authority.officers if each.id not in gone), *added),
        retired=tuple(retired),
        threshold=authority.threshold if args.threshold is None else args.threshold,
        not_after=authority.not_after
        if args.until is None
        else now + int(span(args.until).total_seconds()),
    )
    return _write(Path(args.output), changed)


def _keys(files: list[str]) -> list[PublicKey]:
    return [read_public(each) for each in files]


def _write(path: Path, authority: Authority) -> int:
    read_authority(authority_json(authority))  # says what does not fit
    text = json.dumps(authority_json(authority), indent=2, ensure_ascii=False)
    write_atomically(path, f"{text}\n".encode())
    print(f"{path}: {authority.threshold} of {len(authority.officers)} officers must sign")
    return Exit.OK


COMMAND = Command("authority", EXAMPLES, arguments, run)
