"""Decoders, from the worker's side: processes that are asked, waited for so long, then replaced."""

import logging
import os
import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic

import filterd
from filterd.http.media.decoder import LARGEST, LENGTH, READY, UNFIT, WORDS
from filterd.http.media.scan import Note, Seen
from filterd.http.media.sets import Perceived

logger = logging.getLogger(__name__)
DEADLINE = 2.0  # seconds for one picture, waiting for a free decoder included
START = 30.0  # seconds that a process may take to load its libraries
FRAME = 33  # bytes of a frame in an answer
COMMAND = (sys.executable, "-B", "-P", "-m", "filterd.http.media.decoder")
ROOT = Path(filterd.__file__).parents[1]  # its decoders are of the same filterd


class Decoders:
    """`number` processes, kept until `close`. Called with a picture; thread-safe, waits up to
    `deadline` seconds. Of what it was given nothing is kept, logged or raised.
    """

    def __init__(
        self,
        number: int,
        environ: Mapping[str, str],
        *,
        deadline: float = DEADLINE,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._deadline, self._command = deadline, command
        places = [str(ROOT), *filter(None, [environ.get("PYTHONPATH")])]
        self._environ = {
            **environ,
            "PYTHONPATH": os.pathsep.join(places),
            # One thread each: their number is the bound on what pictures may cost.
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
        }
        self._number = number
        self._free: SimpleQueue[_Process] = SimpleQueue()
        for _ in range(number):
            self._free.put(self._start())

    def __call__(self, picture: bytearray) -> Seen:
        """Return the picture's perceptual hashes, or why there are none."""
        if len(picture) > LARGEST:
            return Seen((), Note.LARGE)
        until = monotonic() + self._deadline
        try:
            process = self._free.get(timeout=self._deadline)
        except Empty:
            return Seen((), Note.LATE)
        try:
            return process.ask(picture, until)
        except TimeoutError:
            return Seen((), Note.LATE)
        except OSError:  # it died, of this picture or at the end of its life
            return Seen((), Note.BROKEN)
        finally:
            if not process.usable(monotonic()):
                process.kill()
                process = self._start()
            self._free.put(process)

    def close(self) -> None:
        """End the processes, once nobody asks any more."""
        for _ in range(self._number):
            self._free.get().kill()

    def _start(self) -> "_Process":
        return _Process(self._command, self._environ, monotonic())


class _Process:
    """One decoder. It answers one picture at a time."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], now: float) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own module, nothing from outside
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environ,
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)
        self._born = now
        self._ready = self._spent = False

    def ask(self, picture: bytearray, until: float) -> Seen:
        """Have a picture hashed. TimeoutError: not by `until`; OSError: the process is gone."""
        self._spent = True  # until it has answered
        try:
            if not self._ready:
                self._ready = self._read(1, until) == READY
        except TimeoutError:
            self._spent = False  # it is still loading, and has not seen the picture
            raise
        self._write(memoryview(LENGTH.pack(len(picture))), until)
        with memoryview(picture) as view:
            self._write(view, until)
        number = self._read(1, until)[0]
        if number == UNFIT:
            why = self._read(1, until)[0]
            self._spent = False
            return Seen((), Note(WORDS[min(why, len(WORDS) - 1)]))
        data = self._read(FRAME * number, until)
        self._spent = False
        frames = (data[at : at + FRAME] for at in range(0, len(data), FRAME))
        return Seen(tuple(Perceived(each[:-1], each[-1]) for each in frames))

    def usable(self, now: float) -> bool:
        """Say whether it can be asked again."""
        loading = not self._ready and now > self._born + START
        return not (self._spent or loading) and self._process.poll() is None

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _write(self, data: memoryview, until: float) -> None:
        while data:
            _wait(self._in, select.POLLOUT, until)
            try:
                data = data[os.write(self._in, data) :]
            except BlockingIOError:
                continue

    def _read(self, size: int, until: float) -> bytes:
        got = b""
        while len(got) < size:
            _wait(self._out, select.POLLIN, until)
            more = os.read(self._out, size - len(got))
            if not more:
                raise BrokenPipeError
            got += more
        return got


def _wait(descriptor: int, event: int, until: float) -> None:
    poll = select.poll()
    poll.register(descriptor, event)
    left = until - monotonic()
    if left <= 0 or not poll.poll(left * 1000):
        raise TimeoutError
