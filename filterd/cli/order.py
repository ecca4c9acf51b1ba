"""`filterd order`: write, sign, look at, publish and revoke orders."""

import argparse
import csv
import json
import secrets
import time
from pathlib import Path

from filterd.cli import order_adopt
from filterd.cli.act_file import read_act
from filterd.cli.base import Command, Exit, add_examples, add_json, paint, printable
from filterd.cli.doubts import doubt_categories
from filterd.cli.keyring import add_passphrase, signers
from filterd.cli.order_hub import submit
from filterd.cli.times import ZONE, clock_text, span
from filterd.feed.acts import act_json, read_pattern, read_signed, signed_json
from filterd.feed.breadth import breadth_of
from filterd.feed.importing import KINDS, import_patterns
from filterd.feed.publish import Log
from filterd.feed.refusal import Refused
from filterd.feed.standing import read_standing
from filterd.feed.trust import Trust
from filterd.feed.turn import turn
from filterd.feed.warrant import check_act, sign_act
from filterd.model.durable import write_atomically
from filterd.model.errors import RulesError
from filterd.model.order import (
    DAY,
    LONGEST,
    Act,
    Confirmation,
    Effect,
    Order,
    Pattern,
    Priority,
    Revocation,
    SignedAct,
    Sunset,
)
from filterd.policy.rulebook import default_directory, load_rulebook

EXAMPLES = """\
  filterd order new 2026-17 --authority moet --reference 17/QD --legal-basis decree-147 \\
      --category gambling --subtree casino.example --for 30d -o 17.json
  filterd order import 2026-18 --file found.csv --authority moet --reference 18/QD \\
      --legal-basis decree-147 --category gambling --for 30d -o 18.json
  filterd order sign 17.json --key officer-1.pem          each officer once
  filterd order show 17.json
  filterd order verify 17.json --feed feed          what every node will say of it
  filterd order publish feed 17.json --log-key log.pem
  filterd order publish 17.json --hub https://hub.example --token-file officer.token
  filterd order revoke 2026-17 --authority moet --reason "a mistake" -o end.json
  filterd order confirm 2026-17 --authority moet --reason "it is meant" -o yes.json
  filterd order adopt feed --of moet --authority mps -o adopted     after a hand-over
"""


ABOUT = {
    "ID": "of the order, as it was published",
    "FILE": "what `filterd order` wrote",
    "FEED": "the folder of the feed",
    "--authority": "who orders it",
    "--legal-basis": "what it is ordered by",
    "--category": "what it is against",
    "--reason": "why; everybody can read it",
    "--key": "the officer's key: a file, or pkcs11:… for one in a card",
    "--output": "what is written, to be signed",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    commands = parser.add_subparsers(dest="order_command", metavar="COMMAND", required=True)

    new = commands.add_parser("new", help="write an order, to be signed")
    _add_order(new)
    for match, about in (
        ("name", "a name, without those under it"),
        ("subtree", "a name and all under it"),
        ("url", "host/path; for the HTTP filter"),
    ):
        new.add_argument(f"--{match}", action="append", default=[], metavar="PATTERN", help=about)
    new.set_defaults(run=_new)

    take = commands.add_parser("import", help="write an order with the patterns of a file")
    _add_order(take)
    take.add_argument("--file", required=True, metavar="FILE", help="a table, JSON or STIX 2.1")
    take.add_argument("--kind", choices=sorted(KINDS), help="(default: by the file's name)")
    take.set_defaults(run=_import)

    put = commands.add_parser("sign", help="add an officer's signature")
    put.add_argument("files", nargs="+", metavar="FILE")
    put.add_argument("--key", required=True, metavar="KEY")
    add_passphrase(put)
    put.set_defaults(run=_sign)

    show = commands.add_parser("show", help="say what it orders")
    show.add_argument("file", metavar="FILE")
    add_json(show)
    show.set_defaults(run=_show)

    verify = commands.add_parser("verify", help="say whether nodes will enforce it")
    verify.add_argument("file", metavar="FILE")
    verify.add_argument("--feed", required=True, metavar="FEED", help="the folder of the feed")
    verify.set_defaults(run=_verify)

    publish = commands.add_parser("publish", help="put signed acts into the log")
    publish.add_argument("feed", metavar="FEED", help="the folder of the feed; not with --hub")
    publish.add_argument("files", nargs="*", metavar="FILE")
    publish.add_argument("--log-key", metavar="KEY", help="the log's key; not with --hub")
    publish.add_argument("--hub", metavar="URL", help="hand them to this hub, which publishes them")
    publish.add_argument("--token-file", metavar="FILE", help="an officer's token for --hub")
    add_passphrase(publish)
    publish.set_defaults(run=_publish)

    for word, about, kind in (
        ("revoke", "write the end of an order, to be signed", Revocation),
        (
            "confirm",
            "say of an order that nodes hold back that it is meant",
            Confirmation,
        ),
    ):
        say = commands.add_parser(word, help=about)
        say.add_argument("id", metavar="ID")
        say.add_argument("--authority", required=True, metavar="ID")
        say.add_argument("--reason", required=True, metavar="TEXT")
        say.add_argument("-o", "--output", required=True, metavar="FILE")
        say.set_defaults(run=_word_on, kind=kind)
    order_adopt.add(commands)
    add_examples(commands, EXAMPLES, ABOUT)


def _add_order(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="never used before by this authority")
    parser.add_argument("--authority", required=True, metavar="ID")
    parser.add_argument("--reference", required=True, metavar="TEXT", help="its number on paper")
    parser.add_argument("--legal-basis", required=True, metavar="WORD")
    parser.add_argument("--category", required=True, metavar="WORD")
    effects = [each.value for each in Effect]
    parser.add_argument("--effect", choices=effects, default="block", help="(default: block)")
    parser.add_argument(
        "--min-age", type=int, metavar="AGE", help="only for those younger, in years: 1 to 120"
    )
    parser.add_argument(
        "--for", dest="lasts", required=True, metavar="SPAN", help="from now on, for 12h, 30d"
    )
    longest = ", ".join(f"{each.value} {LONGEST[each] // DAY}d" for each in Sunset)
    parser.add_argument(
        "--sunset",
        choices=[each.value for each in Sunset],
        default="threat",
        help=f"why it ends, and so how late; at most {longest} (default: threat)",
    )
    parser.add_argument("--urgent", action="store_true", help="say that it is urgent")
    parser.add_argument("-o", "--output", required=True, metavar="OUT")


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    return int(args.run(args))


def _new(args: argparse.Namespace) -> int:
    given = (("name", args.name), ("subtree", args.subtree), ("url", args.url))
    patterns = [read_pattern(match, text) for match, texts in given for text in texts]
    return _write_order(args, tuple(patterns))


def _import(args: argparse.Namespace) -> int:
    source = Path(args.file)
    kind = args.kind or source.suffix.removeprefix(".").lower()
    if kind not in KINDS:
        raise RulesError(f"{source}: what is it? --kind {', '.join(sorted(KINDS))}")
    try:
        found = import_patterns(kind, source.read_bytes())
    except Refused as refused:
        raise RulesError(f"{source}: {refused}") from refused
    if not found.patterns:
        first = "".join(f"; row {each.place}: {each.why}" for each in found.set_aside[:1])
        raise RulesError(f"{source}: no row can be taken{first}")
    _write_order(args, found.patterns)
    if not found.set_aside:
        return Exit.OK
    aside = Path(f"{args.output}.set-aside.csv")
    with aside.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["place", "pattern", "why"])
        rows.writerows([each.place, each.text, each.why] for each in found.set_aside)
    print(f"{paint('set aside', 'yellow')}: {len(found.set_aside)} rows, each with why: {aside}")
    return Exit.PROBLEM


def _write_order(args: argparse.Namespace, patterns: tuple[Pattern, ...]) -> int:
    if not patterns:
        raise RulesError("an order names something: --name, --subtree, --url, or a file")
    now = int(time.time())
    order = Order(
        id=args.id,
        authority=args.authority,
        reference=args.reference,
        legal_basis=args.legal_basis,
        category=args.category,
        effect=Effect(args.effect),
        patterns=patterns,
        not_before=now,
        not_after=now + int(span(args.lasts).total_seconds()),
        sunset=Sunset(args.sunset),
        priority=Priority.URGENT if args.urgent else Priority.NORMAL,
        min_age=args.min_age,
    )
    _write_new(Path(args.output), order)
    doubt_categories([order.category])
    print(f"{args.output}: patterns: {len(order.patterns)}; now its officers sign it")
    return Exit.OK


def _word_on(args: argparse.Namespace) -> int:
    act = args.kind(args.id, args.authority, args.reason, int(time.time()))
    _write_new(Path(args.output), act)
    does = "ends" if isinstance(act, Revocation) else "confirms"
    print(f"{args.output}: {does} {args.authority}/{args.id}; now its officers sign it")
    return Exit.OK


def _sign(args: argparse.Namespace) -> int:
    (signer,) = signers(args, [args.key])
    for path, known in [(Path(each), read_act(Path(each))) for each in args.files]:
        made = sign_act(signer, known.act, int(time.time()))
        others = tuple(each for each in known.signatures if each.key != made.key)
        _write(path, SignedAct(known.act, (*others, made)))
        print(f"{path}: signed by {made.key[:16]}; signatures: {len(others) + 1}")
    return Exit.OK


def _show(args: argparse.Namespace) -> int:
    signed = read_act(Path(args.file))
    if args.json:
        print(json.dumps(signed_json(signed), ensure_ascii=False))
        return Exit.OK
    for name, value in act_json(signed.act).items():
        if name == "patterns":
            for match, text in value:
                print(f"  {match:<12} {printable(text)}")
            continue
        word = clock_text(value, ZONE) if name in {"not_before", "not_after", "at"} else value
        print(f"{name:<14} {printable('-' if word is None else str(word))}")
    for each in signed.signatures:
        print(f"signed by      {each.key} on {clock_text(each.at, ZONE)}")
    return Exit.OK


def _verify(args: argparse.Namespace) -> int:
    signed, feed = read_act(Path(args.file)), Path(args.feed)
    trust = read_standing(feed)
    try:
        _check(signed, trust, int(time.time()))
    except Refused as refused:
        print(f"{paint('refused', 'red')} ({refused.fault.value}): {refused}")
        return Exit.PROBLEM
    print(f"{paint('good', 'green')}: nodes will do as it says")
    return Exit.OK


def _publish(args: argparse.Namespace) -> int:
    if args.hub is not None:
        return _submit(args)
    if args.log_key is None or not args.files:
        raise RulesError("publish FEED FILE… --log-key KEY, or FILE… --hub URL --token-file FILE")
    feed, now = Path(args.feed), int(time.time())
    trust = read_standing(feed)
    (keeper,) = signers(args, [args.log_key])
    acts = [read_act(Path(each)) for each in args.files]
    for file, signed in zip(args.files, acts, strict=True):
        try:
            _check(signed, trust, now)
        except Refused as refused:
            raise RulesError(f"{file}: refused ({refused.fault.value}): {refused}") from refused
    with turn(feed):
        log = Log.open(feed, trust.policy.log, keeper, trust.policy.canaries)
        checkpoint = log.append(acts, now, secrets.token_hex(8))
    print(f"published as segment {checkpoint.size - 1}")
    return Exit.OK


def _submit(args: argparse.Namespace) -> int:
    if args.token_file is None or args.log_key is not None:
        raise RulesError("--hub takes --token-file, and no --log-key: the hub has the log's key")
    files = [args.feed, *args.files]
    told = submit([read_act(Path(each)) for each in files], args.hub, args.token_file)
    for file, line in zip(files, told, strict=True):
        print(f"{file}: {line}")
    return Exit.OK


def _check(signed: SignedAct, trust: Trust, now: int) -> None:
    book = load_rulebook(default_directory())
    check_act(signed, trust.registry, breadth_of(book.must_not_block, trust.popular), now)


def _write_new(path: Path, act: Act) -> None:
    """Write an act, unsigned; never over one that somebody has signed. RulesError, OSError."""
    if path.exists() and read_act(path).signatures:
        raise RulesError(f"{path} is signed already: write to another file, or remove it first")
    _write(path, SignedAct(act, ()))


def _write(path: Path, signed: SignedAct) -> None:
    text = json.dumps(signed_json(signed), indent=1, ensure_ascii=False)
    read_signed(json.loads(text))  # says what does not fit before anybody signs it
    write_atomically(path, f"{text}\n".encode())


COMMAND = Command("order", EXAMPLES, arguments, run)
