"""Somebody who follows docs/install.md at a box, and a pupil who asks it all the time meanwhile."""

import os
import pty
import subprocess
import threading
import time
from collections import deque
from pathlib import Path

from tests.support import box as boxes
from tests.support.dnsclient import run_dig
from tests.support.install_page import steps
from tests.support.needs import program
from tests.support.node import eventually

ENGLISH = {"LC_ALL": "en_US.UTF-8"}


class Reader:
    """Somebody who types the document's commands, in their order, where it says."""

    def __init__(self, made, pupil, packages):
        self.made, self.pupil, self.packages = made, pupil, packages
        self.left = deque(steps())

    def next(self, where):
        step = self.left.popleft()
        assert step.where == where, step
        return step.command

    def box(self, *, where="box", code=0, said=""):
        command = f"cd /root && {self.next(where)}"
        done = self.made.run("sh", "-c", command, check=False, input=said, env=os.environ | ENGLISH)
        assert done.returncode == code, f"{command}: {done.stdout} {done.stderr}"
        return done.stdout + done.stderr

    def typed(self, lines, secrets):
        """Type a command of the box on a terminal, and then `lines`; `secrets` when they are asked
        for, since what was typed before is thrown away then.
        """
        command = self.next("box")
        master, terminal = pty.openpty()
        inside = ["nsenter", "--target", str(self.made.first), *boxes.NAMESPACES, "--"]
        with subprocess.Popen(
            [*inside, "sh", "-c", f"cd /root && {command}"],
            stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=os.environ | ENGLISH, start_new_session=True,
        ) as talking:  # fmt: skip
            os.close(terminal)
            os.write(master, "".join(f"{line}\n" for line in lines).encode())
            said = ""
            for prompt, secret in secrets:
                while not said.endswith(prompt):
                    said += (letter := talking.stdout.read(1))
                    assert letter, said
                time.sleep(0.2)  # the prompt comes before echoing is turned off
                os.write(master, f"{secret}\n".encode())
            said += talking.communicate(timeout=90)[0]
        os.close(master)
        assert talking.returncode == 0, f"{command}: {said}"
        return said

    def dig(self, text=None):
        """Ask as the pupil: the document's next command, or another."""
        words = (text or self.next("pupil")).split()
        program("dig", "bind9-dnsutils")
        inside = ["ip", "netns", "exec", self.pupil, *words, "+tries=1", "+time=5"]
        return run_dig(inside).data()

    def bring(self, package):
        """Put a package, and no other of its name, where the next command looks for it."""
        name = package.name.partition("_")[0]
        root = Path(f"/proc/{self.made.first}/root/root")
        for old in root.glob(f"{name}_*.deb"):
            old.unlink()
        target = root / package.name
        with package.open("rb") as source, target.open("wb") as sink:
            while data := source.read(1 << 20):
                sink.write(data)

    def exists(self, path):
        return self.made.run("test", "-e", path, check=False).returncode == 0


class Asking:
    """A pupil who asks all the time. `wrong`: answers that were none, or not the right one."""

    def __init__(self, reader):
        self.reader, self.wrong, self.count = reader, [], 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _go(self):
        while not self._over.is_set():
            if (said := self.reader.dig("dig @10.20.0.1 tiktok.com")) != ["0.0.0.0"]:
                self.wrong.append((self.count, said))
            self.count += 1
            time.sleep(0.02)

    def some_more(self):
        enough = self.count + 20
        eventually(lambda: self.count >= enough)
