"""The command line's end of the control socket: blocking, one call a command."""

import logging
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from filterd.control.messages import (
    MAX_LINE,
    Json,
    Progress,
    Refusal,
    Request,
    Result,
    decode_answer,
    encode,
)
from filterd.model.errors import ControlError

logger = logging.getLogger(__name__)
_PIECE = 64 * 1024


class NobodyError(ControlError):
    """No daemon listens on the socket."""


class RefusedError(ControlError):
    """The daemon was asked and said no; the message is its own."""


def call(
    path: Path,
    command: str,
    arguments: Mapping[str, Json] | None = None,
    *,
    timeout: float = 60.0,
    progress: Callable[[Progress], None] | None = None,
) -> Json:
    """Ask the daemon at `path` to do `command` and return what came of it.

    `timeout` in seconds is the longest silence; a command that reports progress may take longer.

    Raises:
        NobodyError: nothing listens there.
        RefusedError: filterd said no.
        ControlError: no answer in time, or none that can be read.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        try:
            connection.connect(str(path))
            try:
                connection.sendall(encode(Request(command, arguments or {})))
            except BrokenPipeError:
                logger.debug("cut off while asking; why is in the answer")
            for line in _lines(connection):
                answer = decode_answer(line)
                match answer:
                    case Progress():
                        if progress is not None:
                            progress(answer)
                    case Result(value):
                        return value
                    case Refusal(error):
                        raise RefusedError(error)
        except TimeoutError:
            raise ControlError(
                f"no word from filterd for {timeout:g} s; see its log, or try again"
            ) from None
        except OSError as error:
            raise _explained(path, error) from error
    raise ControlError("filterd closed the connection without an answer; see its log")


def _lines(connection: socket.socket) -> Iterator[bytes]:
    pending = bytearray()
    while piece := connection.recv(_PIECE):
        pending += piece
        while (end := pending.find(b"\n")) >= 0:
            yield bytes(pending[:end])
            del pending[: end + 1]
        if len(pending) > MAX_LINE:
            raise ControlError(f"filterd sent a line longer than {MAX_LINE} bytes")


def _explained(path: Path, error: OSError) -> ControlError:
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return NobodyError(
            f"nothing listens on {path}: is filterd running? (`filterd serve` starts it)"
        )
    if isinstance(error, PermissionError):
        return ControlError(f"no right to use {path}: use sudo, or join the group that owns it")
    return ControlError(f"cannot talk to filterd at {path}: {error.strerror or error}")
