"""What a test needs of the machine: a program, a right, real lists. It runs, or is skipped aloud.

Every skip of the suite is made here and reads alike: what is absent, and what to do to run the
test. The programs are those that deploy/build/test-tools.sh installs. A package of
requirements/dev.txt is never skipped for: an import that fails there is a broken environment.
"""

import os
import shutil
import socket
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]
SBIN = "/usr/sbin:/sbin:/usr/local/sbin:/usr/lib/frr"


def absent(what: str, remedy: str) -> NoReturn:
    """Skip the test: `what` is absent; `remedy` says what to do, as an order ("install it")."""
    pytest.skip(f"{what} IS ABSENT: {remedy} to run this test")


def program(name: str, package: str) -> str:
    """Return the path of a program, or skip the test, saying which Debian package has it."""
    found = shutil.which(name) or shutil.which(name, path=SBIN)
    if found is None:
        absent(name, f"apt-get install {package}")
    return found


def root(right: str) -> None:
    """Skip the test unless it runs as root; `right` is what it wants to do ("to ...")."""
    if os.geteuid() != 0:
        absent(f"THE RIGHT {right}", "become root")


def allowed(right: str, *words: str) -> None:
    """Skip the test where `words`, which need a right and are known to be right, fail."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=10, check=False)
    except OSError as error:
        absent(f"THE RIGHT {right} ({error})", "become root")
    if done.returncode:
        why = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        absent(f"THE RIGHT {right} ({why})", "become root")


def low_port(host: str, port: int) -> None:
    """Skip the test unless it may listen on `port`, below 1024, of `host`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            absent(f"THE RIGHT to listen on port {port}", "become root")


def media() -> None:
    """Skip the test without the packages of the extra `media`, of which one is compiled."""
    gone = [name for name in ("numpy", "PIL", "pdqhash") if find_spec(name) is None]
    if gone:
        absent(", ".join(gone), "run deploy/build/test-tools.sh")


def network_namespace() -> None:
    allowed("to make a network namespace", "unshare", "-n", "true")


def http_environment(name: str = ".venv-http") -> str:
    """Return the interpreter of an environment of the HTTP filter, or skip the test. `.venv-http`
    is the one that is served with; `.venv-http-new` has Python 3.12 or later.
    """
    python = ROOT / name / "bin/python"
    if not python.exists():
        target = (
            "make http" if name == ".venv-http" else "make http-new (with Python 3.12 or later)"
        )
        absent(f"THE HTTP ENVIRONMENT {name}", target)
    return str(python)


def booting() -> None:
    """Skip the test where systemd cannot be the first process of namespaces of its own."""
    root("to start a machine in namespaces")
    program("unshare", "util-linux")
    program("nsenter", "util-linux")
    program("systemctl", "systemd")
    words = ("unshare", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--fork", "true")
    allowed("to make namespaces", *words)
