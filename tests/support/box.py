"""A box: real systemd as the first process of namespaces of its own, with filterd where its package
has it, so that units are tried as they will run. What it writes is gone with it.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.support import needs
from tests.support.data import ROOT
from tests.support.gateway import within
from tests.support.node import eventually

INIT = Path(__file__).with_name("box_init.sh")
NAMESPACES = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup")
CONFIG = "etc/filterd/config.yaml"
patiently = partial(eventually, seconds=120.0)  # a box may share two processors with much else


def _unplugged(_first: int) -> None:
    """Have no wires."""


@dataclass
class Power:
    """Starts a machine, and starts it again. `words`: a command that becomes its first process;
    `cgroup`: where its processes are, made anew at each start; `plug`: gives its network wires, before
    anything of it runs.
    """

    words: Sequence[str]
    cgroup: Path
    log: Path
    plug: Callable[[int], None] = _unplugged
    _started: subprocess.Popen[bytes] | None = field(init=False, default=None)

    def on(self) -> int:
        """Return the process id of its first process, which may be far from up."""
        self.cgroup.mkdir()
        # Into the cgroup first: the namespace's root is where the process is that makes it.
        join = 'echo $$ >"$0/cgroup.procs"; exec "$@"'
        with self.log.open("ab") as out:
            started = self._started = subprocess.Popen(
                ["sh", "-c", join, str(self.cgroup), *self.words], stdout=out, stderr=out
            )
        first = eventually(lambda: _children(started.pid))[0]
        self.plug(first)
        return first

    def alive(self) -> bool:
        return self._started is not None and self._started.poll() is None

    def off(self, *, patience: float = 0.0) -> None:
        """Wait for it to end by itself, and then pull the plug."""
        if self._started is None:
            return
        with suppress(subprocess.TimeoutExpired):
            self._started.wait(patience)
        # With the first process of its namespace everything in it ends.
        for child in _children(self._started.pid):
            os.kill(child, signal.SIGKILL)
        self._started.wait(20)
        _remove(self.cgroup)


@dataclass
class Box:
    """`first`: the process id of its systemd, as seen from here."""

    first: int
    power: Power

    def wait(self) -> None:
        """Wait until it has started everything."""
        patiently(self._up)

    def _up(self) -> bool:
        if not self.power.alive():
            raise RuntimeError(f"the box ended: {self.power.log.read_text()[-3000:]}")
        if Path(f"/proc/{self.first}/comm").read_text() != "systemd\n":
            return False
        said = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        return said in {"running", "degraded"}

    def restart(self) -> None:
        """Shut it down as an administrator does, and start it again with what its disk has."""
        self.ctl("reboot", check=False)
        self.power.off(patience=120)
        self.first = self.power.on()

    def run(self, *words: str, check: bool = True, **how: Any) -> subprocess.CompletedProcess[str]:
        """Run a command in the box, as root."""
        inside = ["nsenter", "--target", str(self.first), *NAMESPACES, "--", *words]
        done = subprocess.run(
            inside, capture_output=True, text=True, timeout=200, check=False, **how
        )
        if check and done.returncode:
            raise RuntimeError(f"{words}: {done.stdout} {done.stderr}\n{self.journal()[-4000:]}")
        return done

    def ctl(self, *words: str, check: bool = True) -> str:
        """Run systemctl; return what it says."""
        return self.run("systemctl", *words, check=check).stdout.strip()

    def show(self, unit: str, *names: str) -> dict[str, str]:
        """Return properties of a unit."""
        lines = self.ctl("show", unit, *(f"--property={name}" for name in names)).splitlines()
        return dict(line.split("=", 1) for line in lines)

    def main(self, unit: str) -> int:
        """Return the process id of a service, as the box sees it; 0: none."""
        return int(self.show(unit, "MainPID")["MainPID"])

    def journal(self, unit: str | None = None) -> str:
        words = () if unit is None else (f"--unit={unit}",)
        return self.run("journalctl", "--no-pager", "--output=cat", *words, check=False).stdout

    def write(self, path: str, content: str) -> None:
        """Put a file into the box."""
        self.run("tee", f"/{path}", input=content)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Have this thread, and threads it starts, be in the box's network."""
        with within(f"/proc/{self.first}/ns/net"):
            yield


@contextmanager
def box(
    folder: Path,
    files: Mapping[str, str | Path],
    *enabled: str,
    http: bool = False,
    plug: Callable[[int], None] = _unplugged,
) -> Iterator[Box]:
    """Start a box and wait until it has started everything; `files`: what it has besides, path from
    the root -> content, or a folder to copy; `enabled`: units that start with it; `http`: with the
    environment of the HTTP filter; `plug`: see `Power`.
    """
    needs.booting()
    work, given = folder / "box", folder / "box.files"
    for each in (work, given):
        each.mkdir(parents=True)
    for path, content in files.items():
        target = given / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            shutil.copytree(content, target)
        else:
            target.write_text(content)
    cgroup = cgroups() / f"filterd-box-{os.getpid()}-{work.stat().st_ino}"
    with _disk(work) as holder:
        power = Power(_command(work, holder, enabled, http=http), cgroup, folder / "box.log", plug)
        with booted(power) as made:
            yield made
    shutil.rmtree(given)


@contextmanager
def booted(power: Power) -> Iterator[Box]:
    """Have a machine run until the block ends; wait until it has started everything."""
    try:
        made = Box(power.on(), power)
        made.wait()
        yield made
    finally:
        power.off()


def config(**changes: Any) -> dict[str, str]:
    """Return the files of a box with a configuration, which is an installed box's with `changes`."""
    doors = ["0.0.0.0:53", "[::]:53"]
    value = {
        "language": "en",
        "state_dir": "/var/lib/filterd",
        "listen": {"udp": doors, "tcp": doors, "workers": 2},
        "metrics": {"listen": "127.0.0.1:9353"},
        "upstream": {"servers": ["127.0.0.1:5335"]},
        "groups": {"all": {"age": 10}},
        "default_group": "all",
        "clients": {"lab": {"group": "all", "ids": ["02:00:00:00:00:47"]}},  # neighbours are read
        "block": ["bad.example.com"],
        "records": ["www.school.example A 192.0.2.80"],
    } | changes
    return {CONFIG: json.dumps(value, indent=1)}


@contextmanager
def _disk(work: Path) -> Iterator[int]:
    """Have a disk at `work`, for who is in the namespace of a process, whose id is given; it stays
    when the box ends.
    """
    mount = 'mount -t tmpfs -o mode=755 box "$0" && echo && exec cat'  # until we are gone
    words = ["unshare", "--mount", "sh", "-c", mount, str(work)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        if not holder.stdout.readline():
            raise RuntimeError(f"no disk at {work}")
        yield holder.pid


def _command(work: Path, holder: int, enabled: Sequence[str], *, http: bool) -> list[str]:
    site_http = ""
    if http:
        python = needs.http_environment()
        words = (python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
        site_http = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    site = sysconfig.get_path("purelib")
    return [
        "nsenter", f"--mount=/proc/{holder}/ns/mnt",
        "unshare", *NAMESPACES, "--fork", "--kill-child",
        "sh", str(INIT), str(work), str(ROOT), sys.base_prefix, site, site_http,
        *enabled,
    ]  # fmt: skip


def _children(pid: int) -> list[int]:
    try:
        return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def cgroups() -> Path:
    """Return where the tree of cgroup2 is mounted."""
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    found = [Path(place) for _, place, kind, *_ in mounts if kind == "cgroup2"]
    if not found:
        needs.absent("THE TREE OF cgroup2", "mount it")
    return found[0]


def _remove(cgroup: Path) -> None:
    folders = sorted(cgroup.rglob("*/"), key=lambda each: len(each.parts), reverse=True)
    for each in (*folders, cgroup):
        eventually(lambda each=each: _gone(each), 10)


def _gone(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
