"""`filterd restore`: what `filterd backup` wrote, checked and put back."""

import argparse
import os
import socket
import tempfile
from pathlib import Path

from filterd.app.paths import SYSTEM_CONFIG, Paths, read_config
from filterd.backup.archive import unpack
from filterd.backup.placing import place
from filterd.cli.base import Command, Exit, complain, paint
from filterd.cli.check import checked

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
        help="where the configuration goes (default: /etc/filterd); the state goes where that says",
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
        print(f"made {manifest.made} by filterd {manifest.filterd}: {len(manifest.entries)} files")
        if args.check:
            print(f"{paint('good', 'green')}; would go to {folder} and {paths.state}")
            return Exit.OK
        if _answers(paths.control):
            complain(
                "the daemon runs, and would write over it; first: "
                "systemctl stop filterd.socket filterd.service"
            )
            return Exit.USAGE
        place(manifest, staged, folder, paths.state)
    print(f"restored to {folder} and {paths.state}; now: filterd check, systemctl start filterd")
    return Exit.OK


def _answers(control: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_WAIT)
        try:
            probe.connect(str(control))
        except OSError:
            return False
    return True


COMMAND = Command("restore", EXAMPLES, arguments, run)
