"""systemd's own tool opens the sockets and starts the daemon at the first query."""

import errno
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest

from tests.support.dnsclient import data_of, udp
from tests.support.needs import program
from tests.support.node import ROOT, both_families_port, eventually, stop, write_config
from tests.support.servers import free_port

TOOL = "systemd-socket-activate"
pytestmark = pytest.mark.real


@contextmanager
def waiting(folder, *listen):
    command = [program(TOOL, "systemd"), *listen, sys.executable, "-m", "filterd", "serve", "-c"]
    with (folder / "filterd.log").open("wb") as out:
        process = subprocess.Popen(
            [*command, str(folder / "filterd.yaml")], cwd=ROOT, stdout=out, stderr=out
        )
    try:
        yield process
    finally:
        stop(process)


def is_taken(port):
    with socket.socket(type=socket.SOCK_DGRAM) as other:
        try:
            other.bind(("127.0.0.1", port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


@pytest.mark.parametrize("workers", [0, 2])
def test_the_first_query_starts_the_daemon_and_is_answered(tmp_path, resolver, workers):
    port = both_families_port()
    door = f"127.0.0.1:{port}"
    changes = {
        "groups": {"all": {"age": 18}},
        "default_group": "all",
        "block": ["bad.example.com"],
        "upstream": {"servers": [f"127.0.0.1:{resolver.port}"]},
        "listen": {"udp": [door], "tcp": [], "workers": workers},
    }
    write_config(tmp_path, changes, port, free_port())
    with waiting(tmp_path, "-d", "-l", door, "--fdname", "any-name") as process:
        eventually(lambda: is_taken(port))
        assert data_of(udp("bad.example.com", "A", port)) == ["0.0.0.0"]
        assert process.poll() is None
        assert is_taken(port)
    log = (tmp_path / "filterd.log").read_text()
    assert f"inherited {door} (udp)" in log
