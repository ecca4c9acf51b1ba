"""`filterd setup`: which files are written is decided of all of them, before the first one is."""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from filterd.cli.base import paint
from filterd.cli.check import checked
from filterd.config.setup import SetupConfig
from filterd.model.errors import FilterdError
from filterd.setup.agreement import Clash, in_configuration, in_sockets
from filterd.setup.asking import Person
from filterd.setup.files import CONFIG, SOCKETS
from filterd.setup.writing import Change, write


class Disagreement(FilterdError):
    """A file that a person changed is kept, and would not fit what would be written."""


def try_configuration(changes: Sequence[Change]) -> None:
    """Check the new configuration as `filterd check` does, before anything is written.

    Raises:
        ConfigError: it is not usable.
    """
    text = next((each.wanted.content for each in changes if each.wanted.path == CONFIG), None)
    if text is not None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "config.yaml"
            path.write_text(text, encoding="utf-8")
            checked(path)


def choose(
    args: argparse.Namespace,
    person: Person | None,
    changes: Sequence[Change],
    said: Mapping[str, str],
) -> tuple[list[Change], list[Change]]:
    """Show each change, the configuration first, which the rest has to fit; return those to write,
    in their order, and those left to whoever changed the file by hand.
    """
    left: list[Change] = []
    for each in sorted(changes, key=lambda one: one.wanted.path != CONFIG):
        print(paint(said[each.what].format(path=each.path), "bold"))
        if args.check or each.what in {"change", "edited", "remove"}:
            _show(each)
        if each.what == "edited" and not _may_replace(args, person, each):
            print(paint(said["kept"], "yellow"))
            left.append(each)
    return [each for each in changes if each not in left], left


def must_agree(
    answers: SetupConfig, taken: Sequence[Change], left: Sequence[Change], said: Mapping[str, str]
) -> None:
    """See that what is `left` fits what is written (`taken`).

    Raises:
        Disagreement: it does not; what to change is told.
        ConfigError: the configuration that is kept is not usable, so nothing may be restarted.
    """
    kept = {each.wanted.path: each for each in left}
    clashes: tuple[Clash, ...] = ()
    if CONFIG in kept:
        gone = {each.wanted.path for each in taken if each.wanted.content is None}
        config = checked(kept[CONFIG].path).inputs.config
        clashes = in_configuration(answers, config, kept, gone)
    elif SOCKETS in kept and any(each.wanted.path == CONFIG for each in taken):
        clashes = in_sockets(answers, kept[SOCKETS].before or "")
    if clashes:
        keys = "\n".join(
            said["clash_key"].format(
                path=kept[each.path].path,
                key=each.key,
                wanted=each.wanted or said["nothing"],
                there=each.there or said["nothing"],
            )
            for each in clashes
        )
        raise Disagreement(said["clash"].format(keys=keys))


def write_all(changes: Sequence[Change], said: Mapping[str, str]) -> list[str]:
    """Write them; return their paths as `files.py` has them. OSError: those before are written."""
    for each in changes:
        kept = write(each)
        if kept is not None:
            print(said["replaced"].format(path=each.path, kept=kept))
    return [each.wanted.path for each in changes]


def _show(change: Change) -> None:
    for line in change.diff():
        style = {"+": "green", "-": "red", "@": "dim"}.get(line[:1])
        print("  " + (paint(line, style) if style else line))


def _may_replace(args: argparse.Namespace, person: Person | None, change: Change) -> bool:
    if args.replace or args.check or person is None:
        return bool(args.replace)
    text = person.words["replace"].format(path=change.path, kept=f"{change.path}.bak")
    return person.agrees(text, default=False)
