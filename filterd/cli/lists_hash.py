"""`filterd lists hash`: URLs as a list of hashes, for who publishes one; and a look at a list."""

import argparse
import json
import secrets
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from filterd.app.deciding import list_argument
from filterd.cli.base import Exit, complain
from filterd.cli.progress import Progress
from filterd.formats.hashed_urls import (
    FORMAT,
    NARROWEST,
    SALT,
    USUAL,
    WIDEST,
    read_hashed,
    write_hashed,
)
from filterd.formats.hashing import NEW_SALT, expression_of, hash_urls
from filterd.model.durable import write_atomically
from filterd.model.errors import InvalidName, RulesError

_SHOWN = 20  # lines that are told one by one
_STDIN = "-"


def arguments(commands: Any) -> None:
    """Add the subcommand."""
    make = commands.add_parser("hash", help="make a list of hashes from a list of URLs")
    make.add_argument("file", metavar="URLS", help="a file with one URL a line; - is stdin")
    make.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="the list")
    salt = make.add_mutually_exclusive_group(required=True)
    salt.add_argument(
        "--new-salt", action="store_true", help="a new salt; it stands in the list alone"
    )
    salt.add_argument(
        "--salt-file",
        type=Path,
        metavar="FILE",
        help=f"a file with {SALT[0]} to {SALT[1]} bytes in hexadecimal",
    )
    make.add_argument(
        "--prefix-bytes",
        type=int,
        default=USUAL,
        metavar="N",
        help=f"bytes of an entry, {NARROWEST} to {WIDEST} (default: {USUAL})",
    )
    make.add_argument(
        "--epoch", type=int, required=True, metavar="E", help="rises with every version"
    )
    make.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make a list; nothing is written where a line names no page."""
    if args.epoch < 0:
        raise RulesError("--epoch is a whole number from 0 on")
    salt = secrets.token_bytes(NEW_SALT) if args.new_salt else _salt(args.salt_file)
    if args.file == _STDIN:
        given = _expressions(sys.stdin.buffer, "standard input")
    else:
        with Path(args.file).open("rb") as lines:
            given = _expressions(lines, args.file)
    made = hash_urls(given, salt, args.prefix_bytes, args.epoch)
    if not len(made):
        raise RulesError(f"{args.file}: no URL in it; nothing is written")
    write_atomically(args.output, "".join(f"{line}\n" for line in write_hashed(made)).encode())
    twice = len(given) - len(made)
    more = f" ({twice:,} lines said what another did)" if twice else ""
    print(f"{args.output}: {len(made):,} entries of {made.width} bytes, epoch {made.epoch}{more}")
    return Exit.OK


def check(args: argparse.Namespace) -> int:
    """Read a list of hashes and tell what it is. RulesError: it would not be used."""
    path = Path(list_argument(args.list)[2])
    try:
        found = read_hashed(path.read_bytes())
    except RulesError as error:
        raise RulesError(f"{path}: {error}") from None
    if args.json:
        said = {"format": FORMAT, "accepted": len(found), "bytes": found.width}
        print(json.dumps({**said, "epoch": found.epoch}))
    else:
        print(
            f"format {FORMAT}: {len(found):,} entries of {found.width} bytes, epoch {found.epoch}"
        )
    return Exit.OK


def _salt(path: Path) -> bytes:
    try:
        return bytes.fromhex(path.read_text(encoding="ascii"))
    except ValueError:
        raise RulesError(f"{path}: not hexadecimal digits alone") from None


def _expressions(lines: Iterable[bytes], name: str) -> list[str]:
    """Read every line. RulesError: some name no page; each is told before."""
    found: list[str] = []
    bad = 0
    with Progress("hashing") as bar:
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.lstrip().startswith(b"#"):
                continue
            bar.at(number)
            try:
                found.append(expression_of(line.decode().strip()))
                continue
            except InvalidName as error:
                why = str(error)
            except UnicodeDecodeError:
                why = "not UTF-8"
            bad += 1
            if bad <= _SHOWN:
                complain(f"{name}: line {number}: {why}")
    if bad:
        raise RulesError(f"{name}: {bad:,} lines name no page; mend or drop them; nothing written")
    return found
