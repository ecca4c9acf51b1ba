"""The daemon's end of the control socket.

It knows no command: the composition root hands in a mapping from command to handler. A peer that
may not command is told so and cut off. Lines, connections, idle time and run time are bounded.
"""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from filterd.control.messages import (
    MAX_REQUEST,
    Json,
    Progress,
    Refusal,
    Request,
    Result,
    decode_request,
    encode,
)
from filterd.control.peer import allowed, peer_of
from filterd.model.errors import ControlError, FilterdError

logger = logging.getLogger(__name__)

Report = Callable[[Progress], None]
Handler = Callable[[Mapping[str, Json], Report], Awaitable[Json]]

_MAX_CONNECTIONS = 16
_UNREAD = 256 * 1024  # bytes a client may leave unread before progress is dropped


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds: `idle` between requests, `run` for one command, `send` for one answer."""

    idle: float = 30.0
    run: float = 1800.0
    send: float = 30.0


class ControlServer:
    """Serves `handlers` on a unix socket. `groups` are gids that may command beside root and the
    daemon's own user; with any, the socket is 0660 and belongs to the first, else 0600. No more
    than `most` are connected at once.
    """

    def __init__(
        self,
        path: Path,
        handlers: Mapping[str, Handler],
        *,
        groups: Collection[int] = (),
        times: Times = Times(),
        most: int = _MAX_CONNECTIONS,
    ) -> None:
        self._path = path
        self._handlers = handlers
        self._groups = tuple(groups)
        self._times = times
        self._most = most
        self._server: asyncio.Server | None = None
        self._inode: int | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen.

        Raises:
            ControlError: another filterd listens there, or the path cannot be used.
        """
        try:
            self._server = await asyncio.start_unix_server(
                self._connected,
                sock=_bound(self._path, self._groups, self._most),
                limit=MAX_REQUEST,
            )
            self._inode = self._path.stat().st_ino
        except OSError as error:
            raise ControlError(
                f"cannot listen on {self._path}: {error.strerror or error}; "
                "check the directory and its rights"
            ) from error

    async def close(self) -> None:
        """Stop listening, end running commands, remove the socket if it is still ours."""
        if self._server is None:
            return
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        with contextlib.suppress(FileNotFoundError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()
        self._server = None

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, TimeoutError):
            logger.debug("a control client went away")
        except asyncio.CancelledError:
            logger.debug("a control connection was ended by shutdown")
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        refusal = self._refusal(writer)
        if refusal is not None:
            await self._send(writer, Refusal(refusal))
            return
        while True:
            try:
                async with asyncio.timeout(self._times.idle):
                    line = await reader.readuntil(b"\n")
            except asyncio.IncompleteReadError:
                return
            except asyncio.LimitOverrunError:
                await self._send(writer, Refusal(f"a request is at most {MAX_REQUEST} bytes"))
                return
            await self._send(writer, await self._answer(line, writer))

    def _refusal(self, writer: asyncio.StreamWriter) -> str | None:
        peer = peer_of(writer.get_extra_info("socket"))
        if not allowed(peer, os.geteuid(), self._groups):
            logger.warning("control: refused uid %d (pid %d)", peer.uid, peer.pid)
            otherwise = ", or be in the group of `control.group`" if self._groups else ""
            return f"uid {peer.uid} may not command filterd; use sudo{otherwise}"
        if len(self._tasks) > self._most:
            return "too many control connections; try again in a moment"
        return None

    async def _answer(self, line: bytes, writer: asyncio.StreamWriter) -> Result | Refusal:
        def report(progress: Progress) -> None:
            # Progress is a courtesy: a client that does not read loses it, the command goes on.
            transport = writer.transport
            if not transport.is_closing() and transport.get_write_buffer_size() < _UNREAD:
                writer.write(encode(progress))

        try:
            request = decode_request(line)
            async with asyncio.timeout(self._times.run):
                return Result(await self._handle(request, report))
        except TimeoutError:
            return Refusal(f"not done within {self._times.run:g} s; see the log")
        except FilterdError as error:
            return Refusal(str(error))
        except Exception:
            logger.exception("control: command failed")
            return Refusal("the command failed inside filterd; its log says where")

    async def _handle(self, request: Request, report: Report) -> Json:
        handler = self._handlers.get(request.command)
        if handler is None:
            known = ", ".join(sorted(self._handlers))
            raise ControlError(f"unknown command {request.command[:40]!r}; known are: {known}")
        return await handler(request.arguments, report)

    async def _send(self, writer: asyncio.StreamWriter, answer: Result | Refusal) -> None:
        try:
            line = encode(answer)
        except (TypeError, ValueError, ControlError) as error:
            logger.exception("control: an answer that cannot be sent")
            line = encode(Refusal(f"the answer cannot be sent: {error}"))
        writer.write(line)
        async with asyncio.timeout(self._times.send):
            await writer.drain()


def _bound(path: Path, groups: Collection[int], most: int) -> socket.socket:
    """Return a listening socket at `path`, in place of one that nobody serves any more."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.is_socket():
            _clear(path)
        # Nobody may connect between bind and chmod.
        before = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        if groups:
            _open_to(path, next(iter(groups)))
        listener.listen(most)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def _open_to(path: Path, group: int) -> None:
    """Let members of `group` connect. Where that may not be, nobody but root and the daemon's own
    account commands, and DNS goes on.
    """
    try:
        if path.stat().st_gid != group:  # a service of systemd's may not call chown at all
            os.chown(path, -1, group)
        path.chmod(0o660)
    except OSError as error:
        logger.error("control.group: not in force, %s: %s", path, error.strerror)  # noqa: TRY400


def _clear(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
    raise ControlError(f"another filterd listens on {path}; stop it first")
