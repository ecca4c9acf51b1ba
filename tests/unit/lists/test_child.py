"""The child process: it ends with its parent, and with the wish for its work."""

import asyncio
import errno
import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from filterd.lists.compile import run_job
from filterd.model.errors import RulesError
from filterd.model.priority import NICE

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def stuck(tmp_path):
    """A list that never comes: reading it waits for ever."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    return fifo


def job(path) -> dict:
    spec = {"name": "l", "format": "hosts"}
    return {"job": "inspect", "spec": spec, "path": str(path), "names": []}


def start(line: bytes) -> subprocess.Popen[bytes]:
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    child = subprocess.Popen(
        [sys.executable, "-m", "filterd.lists.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert child.stdin is not None
    child.stdin.write(line + b"\n")
    child.stdin.flush()
    return child


def nobody_reads(fifo) -> bool:
    """A pipe without a reader cannot be opened for writing."""
    with pytest.raises(OSError, match=os.strerror(errno.ENXIO)):
        os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
    return True


def test_it_ends_when_its_parent_is_gone(stuck):
    with start(json.dumps(job(stuck)).encode()) as child:
        assert child.stdin is not None
        child.stdin.close()
        assert child.wait(60) == 1
        assert child.stdout is not None
        assert child.stdout.read() == b""


def test_it_answers_once_and_ends_well(tmp_path):
    path = tmp_path / "l"
    path.write_bytes(b"0.0.0.0 a.example\n")
    with start(json.dumps(job(path)).encode()) as child:
        assert child.stdout is not None
        answer = json.loads(child.stdout.readline())
        assert answer["result"]["summary"]["accepted"] == 1
        assert child.wait(60) == 0


def test_a_cancelled_job_leaves_no_child(stuck):
    async def run():
        task = asyncio.create_task(run_job(job(stuck)))
        # The child has opened the list once a writer finds a reader; both then wait.
        writer = await asyncio.to_thread(os.open, stuck, os.O_WRONLY)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()
        os.close(writer)

    asyncio.run(run())
    assert nobody_reads(stuck)


def test_a_job_that_takes_too_long_is_ended_and_said(stuck, monkeypatch):
    monkeypatch.setattr("filterd.lists.compile.SECONDS", 0.5)
    with pytest.raises(RulesError, match=r"took longer than 0\.5 s"):
        asyncio.run(run_job(job(stuck)))
    assert nobody_reads(stuck)


def test_it_steps_back_for_who_answers_queries(stuck):
    with start(json.dumps(job(stuck)).encode()) as child:
        writer = os.open(stuck, os.O_WRONLY)
        nice = os.getpriority(os.PRIO_PROCESS, child.pid) - os.getpriority(os.PRIO_PROCESS, 0)
        os.close(writer)
        assert nice == min(NICE, 19 - os.getpriority(os.PRIO_PROCESS, 0))
        child.wait(60)


def test_a_list_that_is_not_there_is_said():
    with pytest.raises(RulesError, match="No such file"):
        asyncio.run(run_job(job("/nonexistent/list")))
