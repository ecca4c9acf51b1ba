"""Processes under measurement: started on a core, looked at through /proc, ended by their id."""

import contextlib
import os
import resource
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from bench.places import LOOPBACK, ROOT

NICEST = -20
REALTIME = 50
PATIENCE = 30.0  # seconds for a server to be ready


def free_port() -> int:
    """Return a UDP and TCP port of loopback that was free a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
        tcp.bind((LOOPBACK, 0))
        return int(tcp.getsockname()[1])


@contextlib.contextmanager
def running(
    command: Sequence[str],
    log: Path,
    ready: Callable[[], bool],
    *,
    core: int,
    realtime: bool = False,
    environ: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` on one core until the block ends. RuntimeError if it does not get ready."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=ROOT,
            env={**os.environ, **(environ or {})},
        )
    try:
        _place(process.pid, core, realtime=realtime)
        give_up = time.monotonic() + PATIENCE
        while not ready():
            if process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"{command[0]} did not start: {log.read_text()[-2000:]}")
            time.sleep(0.02)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _place(pid: int, core: int, *, realtime: bool) -> None:
    """On one core and before others, as far as this user may."""
    os.sched_setaffinity(pid, {core})
    with contextlib.suppress(PermissionError):
        if realtime:
            os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(REALTIME))
        else:
            os.setpriority(os.PRIO_PROCESS, pid, NICEST)


def on_core(core: int) -> Callable[[], None]:
    """Return what a child does first: go to `core`."""
    return lambda: os.sched_setaffinity(0, {core})


def memory(pid: int) -> dict[str, float]:
    """Return MiB: rss, its anonymous and file parts, pss and the highest rss."""
    fields = {"VmRSS": "rss", "RssAnon": "anonymous", "RssFile": "file", "VmHWM": "peak"}
    found: dict[str, float] = {}
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        key, _, rest = line.partition(":")
        if key in fields:
            found[fields[key]] = int(rest.split()[0]) / 1024
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            found["pss"] = int(line.split()[1]) / 1024
    return found


def mapped(pid: int, ending: str) -> float:
    """Return MiB that are resident of mapped files whose name ends so."""
    total, counting = 0, False
    for line in Path(f"/proc/{pid}/smaps").read_text(encoding="utf-8").splitlines():
        words = line.split()
        if "-" in words[0] and not words[0].endswith(":"):
            counting = len(words) > 5 and words[-1].endswith(ending)
        elif counting and words[0] == "Rss:":
            total += int(words[1])
    return total / 1024


def children_seconds() -> float:
    """Return the CPU seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
