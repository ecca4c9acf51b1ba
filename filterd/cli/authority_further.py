"""What `filterd authority init|put` says beside who is trusted: names and sets of hashes."""

import argparse
import hashlib
import shutil
from pathlib import Path

from filterd.cli.base import paint
from filterd.feed.ceremony import Further
from filterd.feed.media import MOST_LENGTH, MediaSet, media_json, read_media
from filterd.feed.never import NeverList, never_json, read_never
from filterd.feed.popular import popular_json, read_popular
from filterd.feed.prepared import Prepared
from filterd.feed.trust import MEDIA, Trust
from filterd.http.media.hashset import HashSet
from filterd.model.durable import make_directory, sync_directory
from filterd.model.errors import RulesError

SET_MODE = 0o640  # for the web server's group, and for nobody else


def add_further(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--popular", metavar="FILE", help="names, one a line, that no order blocks")
    parser.add_argument(
        "--never-decrypt",
        metavar="FILE",
        help="names, one a line, that are never decrypted, with all under them; a file without "
        "any: nodes go by what came with them",
    )
    parser.add_argument(
        "--media",
        action="append",
        default=[],
        metavar="SET",
        help="hashes of known pictures, as `filterd media import` writes them; once for each",
    )
    parser.add_argument(
        "--remove-media", action="append", default=[], metavar="NAME", help="such a set's id"
    )


def further_of(args: argparse.Namespace, before: Trust | None, version: int) -> Further:
    """Return what is to be said with targets of `version`; what is not named stays as `before`.
    Sets are laid into the feed's folder, where they count for nothing until they are signed.

    Raises:
        RulesError, Refused: what is wrong with a file.
        OSError: it cannot be read, or not be laid into the feed.
    """
    return Further(
        popular=_popular(args.popular, () if before is None else before.popular),
        never=_never(args.never_decrypt, None if before is None else before.never, version),
        media=_media(args, () if before is None else before.media),
    )


def check_laid(feed: Path, prepared: Prepared) -> None:
    """RulesError unless every set that `prepared` names lies whole in the feed's folder."""
    for each in read_media(prepared.files[MEDIA]) if MEDIA in prepared.files else ():
        path = feed / each.path
        if not path.is_file() or _digest(path) != each.sha256:
            raise RulesError(
                f"{path} is missing or another file; copy it from where this was prepared"
            )


def tell_further(now: Further, before: Trust | None) -> None:
    """Print what is said otherwise than before."""
    media = () if before is None else before.media
    if now.never != (None if before is None else before.never):
        if now.never is None:
            print("never decrypted: what came with each node")
        else:
            print(f"never decrypted: {len(now.never.names)} names, version {now.never.version}")
    for each in set(now.media) - set(media):
        print(f"media set {each.id}: epoch {each.epoch}, {each.length:,} bytes, {each.sha256}")
    for gone in {each.id for each in media} - {each.id for each in now.media}:
        print(f"media set {gone}: {paint('removed', 'yellow')}; nodes delete it")


def _popular(file: str | None, before: tuple[str, ...]) -> tuple[str, ...]:
    return before if file is None else read_popular(popular_json(_lines(file)))


def _never(file: str | None, before: NeverList | None, version: int) -> NeverList | None:
    if file is None:
        return before
    names = tuple(sorted(set(_lines(file))))
    if not names or (before is not None and names == before.names):
        return before if names else None
    return read_never(never_json(NeverList(version, names)))


def _lines(file: str) -> list[str]:
    try:
        text = Path(file).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RulesError(f"{file}: not a list of names, one a line: {error}") from error
    lines = map(str.strip, text.split("\n"))
    return [line for line in lines if line and line[0] != "#"]


def _media(args: argparse.Namespace, before: tuple[MediaSet, ...]) -> tuple[MediaSet, ...]:
    known = {each.id: each for each in before}
    if missing := [each for each in args.remove_media if each not in known]:
        raise RulesError(f"--remove-media: no set {', '.join(missing)} in {args.feed}")
    laid = {each.id: each for each in (_described(Path(file)) for file in args.media)}
    for name, each in laid.items():
        old = known.get(name)
        if old is not None and each != old and each.epoch <= old.epoch:
            raise RulesError(
                f"--media: set {name} is of epoch {each.epoch}, the feed has {old.epoch}; "
                "make it with a higher --epoch"
            )
    kept = {name: each for name, each in known.items() if name not in args.remove_media}
    found = read_media(media_json((kept | laid).values()))  # says what does not fit
    for file in args.media:
        _lay(Path(file), Path(args.feed), _described(Path(file)))
    return found


def _described(file: Path) -> MediaSet:
    length = file.stat().st_size
    if length > MOST_LENGTH:
        raise RulesError(f"{file}: larger than {MOST_LENGTH} bytes; make several sets of it")
    head = HashSet(file).head
    return MediaSet(head.id, head.epoch, length, _digest(file))


def _lay(file: Path, feed: Path, one: MediaSet) -> None:
    path = feed / one.path
    make_directory(path.parent)
    temporary = path.with_name(f"{path.name}.new")
    shutil.copyfile(file, temporary)
    temporary.chmod(SET_MODE)
    if _digest(temporary) != one.sha256:
        raise RulesError(f"{file}: it changed while it was read; try again")
    temporary.replace(path)
    sync_directory(path.parent)


def _digest(file: Path) -> str:
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
