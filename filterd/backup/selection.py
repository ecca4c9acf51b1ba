"""Which files belong into a backup.

Of the state directory only what is named here: a file that nobody thought of stays at home, because
it may say who asked what. Lists, compiled rules, the feed's log and caches come back by themselves;
counts that were not sent yet would be told twice, so they are not taken.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from filterd.backup.beneath import files
from filterd.config.schema import Config

CONFIG, STATE = "config", "state"
# Restore takes nothing else below the state, so a name that was once here stays: there are backups
# that have it.
FILES = (
    "overrides.jsonl",
    "local-rules.jsonl",
    "cookie.secret",
    "feed/node.key",
    "feed/enrolled.json",
    "feed/trust.json",
    "feed/media-epochs.json",
    "http/page.key",
    "http/labels.key",
    "http/cases.jsonl",
    "http/cases.taken",
    "http/cases.book",
)
FOLDERS = ("feed/trust", "http/ca", "http/handoffs")
LOG = "log.sqlite"
_PASSING = (".new", ".bak")


@dataclass(frozen=True, slots=True)
class Taken:
    """A file: `name` in the archive, `path` here, below `root`."""

    name: str
    root: Path
    path: PurePosixPath


def selected(config_folder: Path, state: Path) -> Iterator[Taken]:
    """Yield every file to take. Symbolic links are not followed, since what they name is elsewhere.

    Raises:
        OSError: a folder cannot be read.
    """
    for path in files(config_folder):
        if belongs(CONFIG / path):
            yield _named(CONFIG, path, config_folder)
    for name in (*FILES, *FOLDERS):
        for path in files(state, PurePosixPath(name)):
            yield _named(STATE, path, state)


def belongs(name: PurePosixPath) -> bool:
    """Whether a backup has files called `name` in its archive."""
    path = PurePosixPath(*name.parts[1:])
    if name.parts[0] == CONFIG:
        return not path.name.endswith(_PASSING)
    known = str(path) in {*FILES, LOG} or any(path.is_relative_to(each) for each in FOLDERS)
    return name.parts[0] == STATE and known


def elsewhere(config: Config, config_folder: Path, state: Path) -> tuple[Path, ...]:
    """Return files and folders that the configuration names and that lie in neither folder: the
    backup does not have them.
    """
    named = (
        config.overrides,
        config.http.ca,
        config.http.upstream_ca,
        config.http.page.words,
        config.http.media.sets,
        config.cookies.secret_file,
        config.cookies.older_secret_file,
        config.upstream.ca_file,
        config.feed.root,
        *(each.path for each in config.lists.values()),
        *(each.secret_file for each in config.who.radius.nas.values()),
    )
    here = (config_folder.resolve(), state.resolve())
    found = dict.fromkeys(path for path in named if path is not None)
    return tuple(
        path
        for path in found
        if not any((config_folder / path).resolve().is_relative_to(each) for each in here)
    )


def _named(top: str, path: PurePosixPath, root: Path) -> Taken:
    return Taken(str(top / path), root, path)
