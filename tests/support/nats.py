"""A real nats-server with JetStream, for one test, on loopback."""

import json
import shutil
import subprocess
from contextlib import contextmanager

import pytest

from tests.support.needs import program


def nats_server():
    return program("nats-server", "nats-server")


class Broker:
    """One that can be killed and started again on the same port and files."""

    def __init__(self, folder):
        self.program = nats_server()
        self.folder, self.port, self.process = folder, -1, None

    @property
    def url(self):
        return f"nats://127.0.0.1:{self.port}"

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
                self.port = int(told["nats"][0].rpartition(":")[2])
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
