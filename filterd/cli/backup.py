"""`filterd backup`: one file with what this node cannot get again."""

import argparse
import datetime as dt
import os
import re
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path, PurePosixPath

from filterd import __version__
from filterd.app.paths import Paths, config_path, read_config
from filterd.backup.archive import pack
from filterd.backup.manifest import Manifest
from filterd.backup.selection import CONFIG, LOG, STATE, Taken, elsewhere, selected
from filterd.cli.base import Command, Exit, add_config, complain, paint
from filterd.config.schema import Config

EXAMPLES = """\
  filterd backup /var/backups/filterd.tar.zst         configuration, keys, the school's decisions
  filterd backup --with-log /var/backups/all.tar.zst  and the local log, which is about pupils
  filterd backup --keep 14 /var/backups/filterd/      a file named by the time; the newest 14 stay
"""
ENDING = ".tar.zst"
_STAMPED = re.compile(r"filterd-[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{6}Z" + re.escape(ENDING))


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "file", metavar="FILE", help="where to write it, replacing what is there; or a folder"
    )
    parser.add_argument(
        "--keep",
        type=_number,
        metavar="N",
        help="of a folder: remove all but the newest N that are named by the time",
    )
    add_config(parser)
    parser.add_argument("--with-log", action="store_true", help="take the local log, too")


def run(args: argparse.Namespace) -> int:
    """Do it."""
    path = config_path(args.config, os.environ)
    if path is None:
        complain("there is no configuration to back up; name one with -c")
        return Exit.USAGE
    if path.is_symlink():
        complain(f"{path} is a link, which a backup does not follow; name the file itself with -c")
        return Exit.USAGE
    config, _ = read_config(path)
    folder, paths = path.absolute().parent, Paths.of(config, os.environ)
    now = dt.datetime.now(dt.UTC)
    head = Manifest(__version__, now.isoformat(timespec="seconds"), f"{CONFIG}/{path.name}", ())
    target = Path(args.file)
    if target.is_dir():
        target /= f"filterd-{now:%Y-%m-%dT%H%M%SZ}{ENDING}"
    elif args.keep is not None:
        complain(f"--keep is for a folder, and {target} is none; make it, or leave --keep out")
        return Exit.USAGE
    with _log(paths.log if args.with_log else None) as log:
        made = pack(target, [*selected(folder, paths.state), *log], head)
    for each in made.entries:
        print(f"  {each.size:>9}  {each.name}")
    _tell(config, folder, paths)
    if args.keep is not None:
        _remove_old(target, args.keep)
    print(f"{target}: {paint(f'{len(made.entries)} files', 'green')}")
    return Exit.OK


def _remove_old(newest: Path, keep: int) -> None:
    """Remove all but `keep` copies that this command named. `newest` stays even where the clock was
    ahead when others were made; a file that a person named is nobody's but theirs.
    """
    others = [
        each
        for each in newest.parent.iterdir()
        if _STAMPED.fullmatch(each.name) and each.name != newest.name
    ]
    for old in sorted(others, reverse=True)[keep - 1 :]:
        old.unlink()


def _number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("keep one at least")
    return number


@contextmanager
def _log(path: Path | None) -> Iterator[list[Taken]]:
    """Give a copy of the log at one moment, while the daemon writes on."""
    if path is not None and path.is_symlink():
        print(paint(f"not in it, because it is a link: {path}", "yellow"))
        path = None
    if path is None or not path.is_file():
        yield []
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / LOG
        copy.touch(mode=0o600)
        with (
            closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(copy)) as sink,
        ):
            source.backup(sink)
        yield [Taken(f"{STATE}/{LOG}", Path(folder), PurePosixPath(LOG))]


def _tell(config: Config, folder: Path, paths: Paths) -> None:
    for each in elsewhere(config, folder, paths.state):
        print(paint(f"not in it, because it lies elsewhere: {each}", "yellow"))


COMMAND = Command("backup", EXAMPLES, arguments, run)
