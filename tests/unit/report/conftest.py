import errno
import subprocess

import pytest

from filterd.model.event import Event
from filterd.model.verdict import Kind, Step
from tests.support.needs import allowed

NOON = 1_770_000_000.0


def make_event(**changed):
    given = {
        "at": NOON,
        "client": "192.0.2.7",
        "qname": "www.blocked.example",
        "qtype": 1,
        "kind": Kind.BLOCK,
        "step": Step.LIST,
        "list": "ads",
        "rule": "blocked.example",
        "category": "adverts",
        "group": "grade-3",
        "door": "udp",
        "rcode": 0,
    }
    return Event(**(given | changed))


@pytest.fixture
def event():
    return make_event


class Mount:
    def __init__(self, path):
        self.path = path

    def remount(self, mode):
        self._mount("-o", f"remount,{mode}", str(self.path))

    def fill(self):
        """Take all the room there is; returns the file to remove."""
        ballast = self.path / "ballast"
        with ballast.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
        return ballast

    @staticmethod
    def _mount(*arguments):
        return subprocess.run(
            ["mount", *arguments], capture_output=True, text=True, timeout=10, check=True
        )


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 512 KiB of its own, which can really be full or read-only."""
    path = tmp_path / "disk"
    path.mkdir()
    words = ("-t", "tmpfs", "-o", "size=512k", "tmpfs", str(path))
    allowed("to mount a small file system", "mount", *words)
    yield Mount(path)
    subprocess.run(["umount", "-l", str(path)], timeout=10, check=True)
