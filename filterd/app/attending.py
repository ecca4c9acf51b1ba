"""Who watches and changes a node that answers: metrics, the control socket, the chores.

All of it is loaded when the doors are open, by a thread beside the loop: a question need not wait
for what it does not need.
"""

import grp
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from filterd.app.change import Change, attempt
from filterd.app.handlers import handlers
from filterd.app.http_commands import open_http_socket
from filterd.app.metering import open_metrics
from filterd.app.node import Node
from filterd.app.tasks import Chores
from filterd.control.server import ControlServer
from filterd.dns.tcp import TcpDoor
from filterd.metrics.http import MetricsServer

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Attendance:
    """What attends a node."""

    node: Node
    change: Change
    metrics: MetricsServer | None = None
    control: ControlServer | None = None
    http: ControlServer | None = None  # for workers of the HTTP filter, which may not command
    chores: Chores | None = None

    async def reload(self) -> bool:
        """Read everything again; a fault is logged and shows in the node's state. Whether it went
        well.
        """
        return await attempt(self._reload(), "reloading", self.node.problems)

    async def leave(self) -> None:
        """Change nothing any more."""
        if self.chores is not None:
            await self.chores.stop()
        for server in (self.control, self.http):
            if server is not None:
                await server.close()

    async def close(self) -> None:
        """Watch no more."""
        if self.metrics is not None:
            await self.metrics.close()

    async def _reload(self) -> None:
        await self.change.reload()
        if self.node.config.lists:
            await self.change.use_lists(lambda _step, _done, _total: None)


def group_numbers(group: str | None) -> tuple[int, ...]:
    """Return the number of the group that may command; one that is not there commands nothing."""
    if group is None:
        return ()
    try:
        return (grp.getgrnam(group).gr_gid,)
    except KeyError:
        logger.warning("control: no group %s on this machine; only root may command", group)
        return ()


async def attend(node: Node, tcp: Sequence[TcpDoor], *, background: bool) -> Attendance:
    """Open all of it; `tcp`: its doors for TCP; `background` False: without chores.

    Raises:
        OSError, ControlError: an address or the socket cannot be had; nothing is left open.
    """
    attendance = Attendance(node, Change(node))
    try:
        listen = node.config.metrics.listen
        if listen is not None:
            attendance.metrics = open_metrics(node, tcp)
            await attendance.metrics.start(listen.host, listen.port)
        attendance.control = ControlServer(
            node.paths.control,
            handlers(node, attendance.change),
            groups=group_numbers(node.config.control.group),
        )
        await attendance.control.start()
        if node.config.http.on:
            attendance.http = open_http_socket(node)
            await attendance.http.start()
    except BaseException:
        await attendance.leave()
        await attendance.close()
        raise
    if background:
        attendance.chores = Chores(node, attendance.change)
        attendance.chores.start()
    return attendance
