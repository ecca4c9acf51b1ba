"""A folder that looks like an installed box to systemd-analyze: Debian's units, ours, and programs
that do nothing where ours would be.
"""

import shutil
import subprocess
from pathlib import Path

from tests.support.data import ROOT
from tests.support.needs import program

SYSTEM = Path("usr/lib/systemd/system")
LOCAL = Path("etc/systemd/system")
PROGRAMS = ("usr/bin/filterd", "usr/bin/kill", "usr/bin/sh", "usr/lib/systemd/systemd-sysctl")


def unit_root(folder: Path) -> Path:
    """Make one in `folder`, with every unit of systemd/ and no drop-in; return it."""
    root = folder / "root"
    shutil.copytree(Path("/") / SYSTEM, root / SYSTEM, symlinks=True)
    (root / LOCAL).mkdir(parents=True)
    for kind in ("service", "socket", "timer"):
        for each in (ROOT / "systemd").glob(f"*.{kind}"):
            shutil.copy(each, root / SYSTEM)
    for each in PROGRAMS:
        (root / each).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy("/bin/true", root / each)
    (root / "bin").symlink_to("usr/bin")
    (root / "lib").symlink_to("usr/lib")
    return root


def add_drop_in(root: Path, unit: str, name: str, text: str) -> None:
    """Put `text` into a drop-in of `unit`."""
    folder = root / LOCAL / f"{unit}.d"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)


def analyze(root: Path, verb: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze on the units in `root`."""
    tool = program("systemd-analyze", "systemd")
    return subprocess.run(
        [tool, verb, f"--root={root}", "--no-pager", *words],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
