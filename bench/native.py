"""The C programs of the bench: built with the system's compiler where one is."""

import shutil
import subprocess
import sys
from pathlib import Path

from bench.places import BUILD, NATIVE

PROGRAMS = ("blast", "echo", "upstream")


def build() -> dict[str, Path] | None:
    """Return the programs by name; None, loudly, without a C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        print("NOT MEASURED: no C compiler `cc`; install gcc to time the doors", file=sys.stderr)
        return None
    built = {}
    for name in PROGRAMS:
        source, target = NATIVE / f"{name}.c", BUILD / name
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            command = [compiler, "-O2", "-Wall", "-Wextra", "-o", str(target), str(source)]
            subprocess.run(command, check=True)
        built[name] = target
    return built
