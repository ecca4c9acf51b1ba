"""Processes under measurement: started on a core, looked at through /proc, ended by their id."""

import contextlib
import os
import resource
import socket
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from bench.places import LOOPBACK, ROOT

NICEST = -20
REALTIME = 50
PATIENCE = 240.0  # seconds for a server to be ready: some take long with a million rules


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
    core: int | Collection[int],
    realtime: bool = False,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` on these cores until the block ends. RuntimeError if it does not get ready."""
    with log.open("wb") as out, placed(core, first=True, realtime=realtime):
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=ROOT
        )
    try:
        give_up = time.monotonic() + PATIENCE
        while not ready():
            if process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"{command[0]} did not start: {log.read_text()[-2000:]}")
            time.sleep(0.005)
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process, kindly first."""
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def placed(
    core: int | Collection[int], *, first: bool = False, realtime: bool = False
) -> Iterator[None]:
    """Start processes on these cores until the block ends; `first`: before others, as far as this
    user may. They inherit it from this thread, which goes back afterwards.
    """
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core} if isinstance(core, int) else core)
    with contextlib.suppress(PermissionError):
        if realtime:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(REALTIME))
        elif first:
            os.setpriority(os.PRIO_PROCESS, 0, NICEST)
    try:
        yield
    finally:
        with contextlib.suppress(PermissionError):
            if realtime:
                os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
            elif first:
                os.setpriority(os.PRIO_PROCESS, 0, 0)
        os.sched_setaffinity(0, cores)


def allow_many_files() -> None:
    """Let this process and what it starts open as many files as the system lets them."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def memory(pid: int) -> dict[str, float]:
    """Return MiB: rss, its anonymous and file parts, the highest rss, pss, and what is private
    (uss). Empty if the process has ended.
    """
    fields = {"VmRSS": "rss", "RssAnon": "anonymous", "RssFile": "file", "VmHWM": "peak"}
    fields |= {"Pss": "pss", "Private_Clean": "uss", "Private_Dirty": "uss"}
    found: dict[str, float] = {}
    try:
        for name in ("status", "smaps_rollup"):
            for line in Path(f"/proc/{pid}/{name}").read_text(encoding="utf-8").splitlines():
                key, _, rest = line.partition(":")
                if key in fields:
                    size = int(rest.split()[0]) / 1024
                    found[fields[key]] = found.get(fields[key], 0.0) + size
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return found


def descendants(pid: int) -> list[int]:
    """Return the processes that `pid` has started, and theirs."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for child in map(int, task.read_text(encoding="ascii").split()):
                found += (child, *descendants(child))
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
