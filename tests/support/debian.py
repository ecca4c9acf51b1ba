"""A clean Debian, as its installer leaves it, with what our package depends on and nothing of ours:
made once from the machine's own sources of packages and kept outside of the checkout, then started
with real systemd as often as needed. What a box writes is gone with it.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import box, needs

INIT = Path(__file__).with_name("debian_init.sh")
# What a Debian has that somebody installed, beside what the package asks for.
INCLUDED = (
    *("apt", "systemd", "systemd-sysv", "dbus", "procps", "sudo"),
    *("python3", "iproute2", "nftables", "ca-certificates", "unbound", "dns-root-data"),
    "libgcc-s1",
)
SOURCES = ("/etc/apt/sources.list", "/etc/apt/sources.list.d/debian.sources")
MAKE_SECONDS = 600


def clean_root() -> Path:
    """Return the folder of the root; made if it is not there yet. Skips where it cannot be."""
    needs.root("to make a Debian")
    release = dict(
        line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if line
    )
    codename = release.get("VERSION_CODENAME", "")
    if release.get("ID") != "debian":
        needs.absent("DEBIAN, whose packages a clean root is made of", "use a Debian machine")
    words = (codename, *INCLUDED)
    name = f"{codename}-{hashlib.sha256(' '.join(words).encode()).hexdigest()[:12]}"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "filterd-tests"
    found = cache / name
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as turn:  # tests side by side make it once
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not found.is_dir():
            _make(found, codename)
    return found


def _make(folder: Path, codename: str) -> None:
    program = needs.program("mmdebstrap", "mmdebstrap")
    unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
    sources = [path for path in SOURCES if Path(path).is_file()]
    # As the machine's apt does it (a mirror of one moment may be old).
    options = [
        f"--aptopt={line}"
        for line in _apt("config", "dump", "--no-empty")
        if line.startswith(("Acquire::Check", "Acquire::http", "Acquire::https"))
    ]
    done = subprocess.run(
        [
            program, "--variant=minbase", "--mode=root", "--format=directory", "--quiet",
            f"--include={','.join(INCLUDED)}", *options, codename, str(unfinished), *sources,
        ],
        capture_output=True, text=True, timeout=MAKE_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode:
        shutil.rmtree(unfinished, ignore_errors=True)
        why = " ".join(done.stderr.split())[-400:]
        needs.absent(f"A DEBIAN, which could not be made ({why})", "let apt reach its mirror")
    unfinished.rename(folder)


def _apt(*words: str) -> list[str]:
    done = subprocess.run(
        [f"apt-{words[0]}", *words[1:]], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


@contextmanager
def debian(folder: Path, files: dict[str, str]) -> Iterator[box.Box]:
    """Start a clean Debian and wait until it has started everything; `files`: what it has besides,
    path from the root -> content.
    """
    needs.booting()
    base = clean_root()
    work = folder / "debian"
    work.mkdir(parents=True)
    for path, content in files.items():
        target = Path(f"{work}.files") / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
    cgroup = box.cgroups() / f"filterd-debian-{os.getpid()}"
    words = ["unshare", *box.NAMESPACES, "--fork", "--kill-child", "sh", str(INIT), str(work)]
    try:
        with box.booted(box.Power([*words, str(base)], cgroup, folder / "debian.log")) as made:
            yield made
    finally:
        shutil.rmtree(f"{work}.files", ignore_errors=True)
