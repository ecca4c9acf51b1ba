"""`filterd media`: sets of hashes made and looked into, and the test image."""

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path

from filterd.cli.base import Command, Exit, add_examples, add_json, complain
from filterd.cli.times import ZONE as CLOCK
from filterd.cli.times import clock_text, moment, span
from filterd.http.media.compiling import write_set
from filterd.http.media.hashset import HashSet
from filterd.http.media.head import QUALITY, THRESHOLD, Afterwards, Head, Severity
from filterd.http.media.importing import Aside, import_rows, own_entry
from filterd.http.media.near import missing
from filterd.http.media.specimen import specimen

EXAMPLES = """\
  filterd media import rows.csv -o a.set --id national --source mps --epoch 7
  filterd media import rows.json -o b.set --id partner --source abc --epoch 1 --one-source
  filterd media show a.set                     whose it is, how many hashes, how long it holds
  filterd media test-image test.png            the picture that every set contains
  filterd media test-set test.set              a set of that picture alone, to try things out
"""
_SHOWN = 20  # rows set aside that are told one by one


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    commands = parser.add_subparsers(dest="media_command", metavar="COMMAND", required=True)
    make = commands.add_parser("import", help="make a set of hashes from JSON or CSV")
    make.add_argument("file", type=Path, metavar="FILE")
    make.add_argument("-o", "--output", type=Path, required=True, metavar="SET", help="the set")
    make.add_argument("--id", required=True, help="the set's name, in every hand-off")
    make.add_argument("--source", required=True, help="who stands for rows that name no source")
    make.add_argument("--epoch", type=int, required=True, help="rises with every version")
    make.add_argument("--severity", choices=list(Severity), default="illegal")
    make.add_argument("--for", dest="span", default="30d", metavar="TIME", help="holds; 30d")
    make.add_argument("--after-expiry", choices=list(Afterwards), default="keep")
    make.add_argument("--threshold", type=int, default=THRESHOLD, help="bits of a PDQ; 31")
    make.add_argument("--quality", type=int, default=QUALITY, help="of a PDQ, at least; 50")
    make.add_argument("--one-source", action="store_true", help="block what one source stands for")
    make.add_argument("--at", metavar="TIME", help="issued then (default: now)")
    make.set_defaults(run=_import)
    show = commands.add_parser("show", help="check a set and tell what it is")
    show.add_argument("file", type=Path, metavar="SET")
    add_json(show)
    show.set_defaults(run=_show)
    image = commands.add_parser("test-image", help="write the test image, a harmless PNG")
    image.add_argument("file", type=Path, metavar="PNG")
    image.set_defaults(run=_image)
    trial = commands.add_parser("test-set", help="make a set that knows the test image alone")
    trial.add_argument("file", type=Path, metavar="SET")
    trial.set_defaults(run=_trial)
    about = {
        "FILE": "rows with md5, sha256 or pdq; id, source, status, quality where known",
        "SET": "a set of hashes",
        "PNG": "the picture",
        "--severity": "what a hit means (default: illegal)",
        "--after-expiry": "past its time the set goes on, and is told to be stale, or stops",
    }
    add_examples(commands, EXAMPLES, about)


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    return int(args.run(args))


def _import(args: argparse.Namespace) -> int:
    issued = int(moment(args.at, CLOCK)) if args.at else int(time.time())
    head = Head(
        id=args.id,
        source=args.source,
        epoch=args.epoch,
        severity=Severity(args.severity),
        issued=issued,
        expires=issued + int(span(args.span).total_seconds()),
        after_expiry=Afterwards(args.after_expiry),
        threshold=args.threshold,
        quality=args.quality,
        two_sources=not args.one_source,
    )
    found = import_rows(args.file.read_bytes(), args.source, args.quality)
    write_set(args.output, head, [*found.entries, own_entry()])
    _tell(found.aside)
    print(f"{args.output}: {len(found.entries)} rows taken, {len(found.aside)} set aside")
    return Exit.PROBLEM if found.aside else Exit.OK


def _tell(aside: tuple[Aside, ...]) -> None:
    for each in aside[:_SHOWN]:
        complain(f"row {each.row} set aside: {each.why}")
    if len(aside) > _SHOWN:
        complain(f"and {len(aside) - _SHOWN} more")


def _show(args: argparse.Namespace) -> int:
    found = HashSet(args.file)
    head, sizes = found.head, found.sizes
    if args.json:
        print(json.dumps({**asdict(head), "sizes": asdict(sizes)}))
        return Exit.OK
    after = "goes on" if head.after_expiry is Afterwards.KEEP else "stops"
    rule = "two sources" if head.two_sources else "one source"
    print(f"set        {head.id}, epoch {head.epoch}, of {head.source}, {head.severity}")
    print(f"holds      until {clock_text(head.expires, CLOCK)}, then it {after}")
    print(f"entries    {sizes.entries}, of them revoked {sizes.revoked}; blocks on {rule}")
    print(f"hashes     SHA-256 {sizes.sha256}, MD5 {sizes.md5}, PDQ {sizes.pdq}")
    print(f"PDQ        {head.threshold} bits at most, quality {head.quality} at least")
    if (off := missing()) is not None:
        complain(off)
    return Exit.OK


def _image(args: argparse.Namespace) -> int:
    args.file.write_bytes(specimen())
    return Exit.OK


def _trial(args: argparse.Namespace) -> int:
    now = int(time.time())
    head = Head("filterd-test", "filterd", 0, Severity.HARMFUL, now, now + 365 * 86_400)
    write_set(args.file, head, [own_entry()])
    return Exit.OK


COMMAND = Command("media", EXAMPLES, arguments, run)
