"""What mitmproxy does for add-ons that anybody may write, done once for ours.

A request has some ten hooks. mitmproxy asks each add-on for each of them anew, twice where it is
about a flow, and looks at the types of every message again: a fifth of the time of a request. Here
it is known which of our own few functions are for which hook.
"""

import asyncio
import inspect
import logging
from collections.abc import Callable
from typing import Any

from mitmproxy import exceptions, flow, hooks, http
from mitmproxy.addonmanager import AddonManager, traverse
from mitmproxy.master import Master
from mitmproxy.utils import asyncio_utils

logger = logging.getLogger(__name__)


class Hooks(AddonManager):  # type: ignore[misc]
    """Add-ons that stay: the functions for a hook are looked up once."""

    def __init__(self, master: Master) -> None:
        super().__init__(master)
        self._found: dict[str, list[Callable[..., Any]]] = {}

    def add(self, *addons: object) -> None:
        """Add to the end."""
        super().add(*addons)
        self._found.clear()

    async def handle_lifecycle(self, event: hooks.Hook) -> None:
        """Tell of an event, and that a flow has changed, whoever wants to know."""
        (message,) = event.args()
        await self._tell(event.name, message)
        if self._for("update") and isinstance(message, flow.Flow):
            await self._tell("update", [message])

    async def _tell(self, name: str, message: object) -> None:
        for function in self._for(name):
            try:
                found = function(message)
                if found is not None and inspect.isawaitable(found):
                    await found
            except exceptions.AddonHalt:
                return
            except Exception:
                # The next ones are asked all the same, as mitmproxy does it; but what goes on there
                # after a fault ends here, for it may not have been decided.
                logger.exception("a fault at %s", name)
                if isinstance(message, flow.Flow) and message.killable:
                    message.kill()

    def _for(self, name: str) -> list[Callable[..., Any]]:
        known = self._found.get(name)
        if known is None:
            each = (getattr(addon, name, None) for addon in traverse(self.chain))
            known = self._found[name] = [function for function in each if callable(function)]
        return known


def use_lean(master: Master) -> None:
    """Have `master` tell its add-ons, which are yet to be added, so; trust the types of what
    messages are made of from now on, and note of a task no more than its name.
    """
    master.addons = Hooks(master)
    http.MessageData.__post_init__ = lambda _message: None
    asyncio_utils.set_task_debug_info = _name


def _name(task: asyncio.Task[Any], *, name: str, client: object = None) -> None:  # noqa: ARG001
    """Say what a task is for; of whom is nobody's business. There are some ten for a connection,
    and the environment is not looked at for each.
    """
    task.set_name(name)
