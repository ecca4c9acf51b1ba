"""The commands that the control socket takes."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from filterd.app.cases import case_folder, closed, listed
from filterd.app.change import Change
from filterd.app.node import Node
from filterd.app.watching import node_status
from filterd.control.messages import Progress
from filterd.control.server import Handler, Report
from filterd.policy import local_rules, overrides
from filterd.policy.said import COMMANDS

SETTLE_SECONDS = 5.0  # that a command waits for the log's disk


def handlers(node: Node, change: Change) -> dict[str, Handler]:
    """Return command -> handler."""

    async def status(_arguments: Mapping[str, Any], _report: Report) -> Any:
        return node_status(node)

    async def reload(_arguments: Mapping[str, Any], report: Report) -> Any:
        done = await change.reload()
        if node.config.lists:
            await change.use_lists(_teller(report))
        node.problems.pop("reloading", None)  # an earlier signal's fault is over
        return {**done, "generation": node.generation}

    async def lists_rollback(_arguments: Mapping[str, Any], _report: Report) -> Any:
        return {**await change.roll_back(), "generation": node.generation}

    async def settle(_arguments: Mapping[str, Any], _report: Report) -> Any:
        return {"written": await asyncio.to_thread(_settled, node)}

    async def feed_status(_arguments: Mapping[str, Any], _report: Report) -> Any:
        return {} if node.feed is None else node.feed.status(time.time())

    async def said(_arguments: Mapping[str, Any], _report: Report) -> Any:
        return await asyncio.to_thread(_said, node)

    def saying(command: str) -> Handler:
        async def say(arguments: Mapping[str, Any], _report: Report) -> Any:
            return await change.say(command, arguments)

        return say

    return {
        "status": status,
        "reload": reload,
        "lists-rollback": lists_rollback,
        "feed-status": feed_status,
        "log-settle": settle,
        **_reports(node),
        **_of_gateway(node),
        **_of_cases(node),
        "said": said,
        **{command: saying(command) for command in COMMANDS},
    }


def _reports(node: Node) -> dict[str, Handler]:
    async def status(_arguments: Mapping[str, Any], _report: Report) -> Any:
        return {} if node.reporting is None else await asyncio.to_thread(node.reporting.status)

    async def following(_arguments: Mapping[str, Any], _report: Report) -> Any:
        return await asyncio.to_thread(_leaving, node)

    return {"report-status": status, "report-next": following}


def _of_gateway(node: Node) -> dict[str, Handler]:
    async def gateway_applied(_arguments: Mapping[str, Any], _report: Report) -> Any:
        return {"opened": await asyncio.to_thread(node.engine.open_again)}

    async def who(_arguments: Mapping[str, Any], _report: Report) -> Any:
        return {} if node.who is None else node.who.told(node.ruling.school.clients)

    return {"gateway-applied": gateway_applied, "who": who}


def _of_cases(node: Node) -> dict[str, Handler]:
    folder = case_folder(node.paths)

    async def show(_arguments: Mapping[str, Any], _report: Report) -> Any:
        return await asyncio.to_thread(listed, folder, time.time())

    async def close(arguments: Mapping[str, Any], _report: Report) -> Any:
        return await asyncio.to_thread(closed, folder, arguments, time.time())

    return {"case-list": show, "case-close": close}


def _said(node: Node) -> dict[str, str]:
    """Return the files of what is said by command, in their own language."""
    said = node.spoken.read_to_change(node.config)
    return {"overrides": overrides.dump(said.overrides), "rules": local_rules.dump(said.rules)}


def _settled(node: Node) -> bool:
    node.flush_events()
    return node.recorder.settle(SETTLE_SECONDS)


def _leaving(node: Node) -> list[dict[str, str]]:
    """Return the bodies that leave next, and where to. What is shown is fixed from then on."""
    if node.reporting is None:
        return []
    node.flush_events()
    return node.reporting.leaving(time.time())


def _teller(report: Report) -> Any:
    return lambda step, done, total: report(Progress(step, done, total))
