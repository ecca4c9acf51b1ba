"""A rule made while the daemon answers: by its control socket, and as a person does it."""

import subprocess

from bench.daemon import Node
from bench.places import ROOT
from filterd.control.client import call

_WHO = {"by": "bench", "reason": "measuring"}


def block(node: Node, name: str) -> None:
    """Block a name by the control socket; it is in force when this returns."""
    call(node.control, "rule-add", {"name": name, "action": "block", **_WHO})


def unblock(node: Node, name: str) -> None:
    """Take it back."""
    call(node.control, "rule-remove", {"name": name})


def block_by_command(node: Node, name: str) -> None:
    """Block a name by `filterd rule`, which starts a program."""
    words = ("rule", "block", name, "--reason", "measuring")
    subprocess.run(node.command(*words), cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
