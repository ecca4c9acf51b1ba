"""A real nats-server with JetStream, for one test, on loopback."""

import json
import os
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.needs import program
from tests.support.servers import free_port


def nats_server():
    return program("nats-server", "nats-server")


def _is_stopped(thread):
    return (thread / "stat").read_text().rpartition(") ")[2].startswith("T")


class Broker:
    """One that can be killed and started again on the same port and files."""

    def __init__(self, folder):
        self.program = nats_server()
        self.folder, self.port, self.process = folder, free_port(), None

    @property
    def url(self):
        return f"nats://127.0.0.1:{self.port}"

    def pause(self):
        """Stop all of its threads; returns when none of them does anything any more."""
        os.kill(self.process.pid, signal.SIGSTOP)
        threads = Path(f"/proc/{self.process.pid}/task")
        give_up = time.monotonic() + 10
        while not all(_is_stopped(each) for each in threads.iterdir()):
            assert time.monotonic() < give_up, "nats-server does not stop"
            time.sleep(0.01)

    def go_on(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def start(self):
        ports = self.folder / "ports"
        shutil.rmtree(ports, ignore_errors=True)
        ports.mkdir(parents=True)
        words = (
            self.program,
            "-a",
            "127.0.0.1",
            "-p",
            self.port,
            "-js",
            "-sd",
            self.folder / "data",
        )
        log = self.folder / "log"
        self.process = subprocess.Popen(
            (*map(str, words), "--ports_file_dir", str(ports), "-l", str(log))
        )
        for _ in range(200):
            for file in ports.glob("*.ports"):
                try:
                    told = json.loads(file.read_text())
                except ValueError:
                    continue  # it is being written
                assert told["nats"]
                return self
            try:
                self.process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            break
        pytest.fail(f"nats-server does not start: {log.read_text()[-500:]}")

    def kill(self):
        self.process.kill()
        self.process.wait(10)


@contextmanager
def broker(folder):
    """Run one in `folder`."""
    server = Broker(folder).start()
    try:
        yield server
    finally:
        server.kill()
