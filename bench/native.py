"""The C programs of the bench: built with the system's compiler where one is."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.places import BUILD, NATIVE


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the built programs are; each says in its source what it does."""

    blast: Path
    echo: Path
    upstream: Path
    names: Path


def build() -> Programs | None:
    """Return the programs; None, loudly, without a C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        print("NOT MEASURED: no C compiler `cc`; install gcc, then try again", file=sys.stderr)
        return None
    BUILD.mkdir(parents=True, exist_ok=True)
    header = (NATIVE / "answer.h").stat().st_mtime
    built = {}
    for name in Programs.__dataclass_fields__:
        source, target = NATIVE / f"{name}.c", BUILD / name
        changed = max(source.stat().st_mtime, header)
        if not target.exists() or target.stat().st_mtime < changed:
            flags = ["-O2", "-Wall", "-Wextra", "-pthread"]
            subprocess.run([compiler, *flags, "-o", str(target), str(source)], check=True)
        built[name] = target
    return Programs(**built)
