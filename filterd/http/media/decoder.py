"""The process that decodes pictures: `python -m filterd.http.media.decoder`.

Other people's bytes meet decoders written in C here and nowhere else: a process that may write no
file, open nothing more, and has a bound on memory and time. In: u32 length, picture. Out: one byte
how many frames, or 255 and one byte why not; of each frame 32 bytes hash, one byte quality.
"""

import ctypes
import io
import resource
import struct
import sys

MEMORY = 1024 * 2**20  # bytes of addresses; a picture of 50 million pixels needs some 400 MiB
SECONDS = 600  # of processor, of its whole life
LIVES = 500  # pictures; then a new process starts afresh
LARGEST = 16 * 2**20
WORDS = ("broken", "too-large", "too-small")
LENGTH = struct.Struct("<I")
UNFIT = 255
READY = b"+"  # the first byte of all
_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38  # prctl(2)


def confine() -> None:
    """Give up what decoding does not need. Before any library that decodes is loaded."""
    for what, most in (
        (resource.RLIMIT_FSIZE, 0),  # no file can get a byte
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, SECONDS),
    ):
        resource.setrlimit(what, (most, most))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def close() -> None:
    """Once all is loaded: no further file, process or memory beyond the bound."""
    for what, most in (
        (resource.RLIMIT_NOFILE, 0),  # what is open stays open
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_AS, MEMORY),
    ):
        resource.setrlimit(what, (most, most))


def serve(source: io.BufferedReader, sink: io.BufferedWriter) -> None:
    """Answer until the other side hangs up."""
    from filterd.http.media.perceiving import Unfit, perceive, warm  # noqa: PLC0415 - confined first

    warm()
    close()
    sink.write(READY)
    sink.flush()
    for _ in range(LIVES):
        head = source.read(LENGTH.size)
        if len(head) < LENGTH.size:
            return
        (length,) = LENGTH.unpack(head)
        if length > LARGEST:
            return
        picture = bytearray(length)
        if source.readinto(picture) != length:
            return
        try:
            frames = perceive(picture)
            answer = bytes([len(frames)]) + b"".join(h + bytes([q]) for h, q in frames)
        except Unfit as unfit:
            answer = bytes([UNFIT, WORDS.index(unfit.word)])
        picture[:] = bytes(length)
        sink.write(answer)
        sink.flush()


if __name__ == "__main__":
    confine()
    serve(sys.stdin.buffer, sys.stdout.buffer)  # type: ignore[arg-type]
