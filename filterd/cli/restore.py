"""`filterd restore`: what `filterd backup` wrote, checked and put back.

Root runs it, and the file may come from anywhere. So its author does not choose where it writes:
the state goes to the usual folder or to one that the command line names.
"""

import argparse
import os
import shlex
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from filterd.app.paths import CONTROL, SYSTEM_CONFIG, SYSTEM_STATE, Paths, read_config
from filterd.backup.archive import unpack
from filterd.backup.manifest import Manifest
from filterd.backup.placing import RIGHTS, place
from filterd.backup.selection import CONFIG
from filterd.cli.base import Command, Exit, complain, paint, printable
from filterd.cli.check import checked
from filterd.config.schema import Config
from filterd.model.errors import FilterdError
from filterd.setup.files import DNSMASQ, UPLINK

EXAMPLES = """\
  filterd restore /var/backups/filterd.tar.zst --check    is it whole, and usable here?
  filterd restore /var/backups/filterd.tar.zst            as root, with the daemon stopped
"""
_WAIT = 2.0  # seconds


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("file", metavar="FILE", help="a file that `filterd backup` wrote")
    parser.add_argument(
        "--into",
        metavar="FOLDER",
        default=str(SYSTEM_CONFIG.parent),
        help="where the configuration goes (default: /etc/filterd)",
    )
    parser.add_argument(
        "--state",
        metavar="FOLDER",
        help="the `state_dir` of the configuration in it, where that is meant to be another than "
        "/var/lib/filterd",
    )
    parser.add_argument("--check", action="store_true", help="look at it, and change nothing")


def run(args: argparse.Namespace) -> int:
    """Do it."""
    folder = Path(args.into).absolute()
    with tempfile.TemporaryDirectory(prefix="filterd-restore-") as name:
        staged = Path(name)
        manifest = unpack(Path(args.file), staged)
        checked(staged / manifest.config)
        config, _ = read_config(staged / manifest.config)
        paths = Paths.of(config, os.environ)
        made = f"made {manifest.made} by filterd {manifest.filterd}"
        print(f"{printable(made)}: {len(manifest.entries)} files")
        if not _meant(config, paths.state, args.state):
            complain(
                f"its configuration has the state in {paths.state}; if it should go there, say so: "
                f"--state {shlex.quote(str(paths.state))}"
            )
            return Exit.USAGE
        for doubt in _doubts(manifest, config, staged, folder):
            print(paint(printable(doubt), "yellow"))
        if args.check:
            print(f"{paint('good', 'green')}; would go to {folder} and {paths.state}")
            return Exit.OK
        if any(map(_answers, _controls(paths, _final(folder, manifest.config)))):
            complain(
                "the daemon runs, and would write over it; first: "
                "systemctl stop filterd.socket filterd.service"
            )
            return Exit.USAGE
        place(manifest, staged, folder, paths.state)
    print(f"restored to {folder} and {paths.state}; now: filterd check, systemctl start filterd")
    return Exit.OK


def _meant(config: Config, state: Path, given: str | None) -> bool:
    """Whether whoever runs this, or the package, says that the state goes to `state`."""
    if given is not None:
        return Path(given).absolute() == state.absolute()
    # Where the configuration names none, it is our own environment that does.
    return config.state_dir in {None, SYSTEM_STATE}


def _doubts(manifest: Manifest, config: Config, staged: Path, folder: Path) -> Iterator[str]:
    """Yield what a person should look at before it is in force."""
    for each in manifest.entries:
        if each.mode & ~RIGHTS:
            yield f"{each.name}: comes back without leave to run it, or for all to write it"
    for name in (DNSMASQ, UPLINK):
        file = PurePosixPath(name).name
        new, old = staged / CONFIG / file, folder / file
        if new.is_file() and not (old.is_file() and old.read_bytes() == new.read_bytes()):
            yield f"{CONFIG}/{file}: other programs obey it as root; look at it first"
    if config.http.python is not None:
        yield f"http.python: its configuration has {config.http.python} run; is that yours?"


def _final(folder: Path, name: str) -> Path:
    return folder.joinpath(*PurePosixPath(name).parts[1:])


def _controls(paths: Paths, in_place: Path) -> Iterator[Path]:
    """Yield the sockets at which a daemon may answer that uses what is to be replaced, whatever the
    configuration in the backup says.
    """
    yield from (paths.control, paths.state / CONTROL, SYSTEM_STATE / CONTROL)
    try:
        config, _ = read_config(in_place)
    except FilterdError:  # it is not there, or is what the backup is to mend
        return
    yield Paths.of(config, os.environ).control


def _answers(control: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_WAIT)
        try:
            probe.connect(str(control))
        except OSError:
            return False
    return True


COMMAND = Command("restore", EXAMPLES, arguments, run)
