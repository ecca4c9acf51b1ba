"""One new rule in force: from the command to the first answer that obeys it, at the socket.

The name has been asked before, so its answer is cached; a rule must reach behind that. The
school's own `block:` goes by the control socket, as `filterd reload` does it; a teacher's allow
goes by the overrides file, which the daemon looks at every second.
"""

import datetime as dt
import json
import statistics
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from bench.daemon import Node
from bench.places import ROOT
from bench.wire import ask
from filterd.control.client import call

TRIES = 5
GIVE_UP = 30.0


def measure(node: Node, blocked: str) -> dict[str, float]:
    """Return milliseconds, medians of `TRIES`; `blocked` is a name of the list."""
    rules: list[str] = ["school-block.example"]

    def school_block(name: str) -> Callable[[], object]:
        rules.append(name)
        node.write(rules)
        return lambda: call(node.control, "reload")

    def by_command(name: str) -> Callable[[], object]:
        rules.append(name)
        node.write(rules)
        return lambda: subprocess.run(
            node.command("reload"), cwd=ROOT, check=True, stdout=subprocess.DEVNULL
        )

    def teacher(name: str | None) -> Callable[[], object]:
        return lambda: _write_override(node.folder / "overrides.jsonl", name)

    by_call = [_new_rule(node, school_block, f"new{n}.example") for n in range(TRIES)]
    by_program = [_new_rule(node, by_command, f"newer{n}.example") for n in range(TRIES)]
    allowed = []
    for _ in range(TRIES):
        allowed.append(_until(node, blocked, "answered", teacher(blocked)))
        _until(node, blocked, "blocked", teacher(None))
    return {
        "control_ms": statistics.median(by_call),
        "command_ms": statistics.median(by_program),
        "override_ms": statistics.median(allowed),
    }


def _new_rule(node: Node, change: Callable[[str], Callable[[], object]], name: str) -> float:
    for _ in range(2):
        if ask(node.port, name, timeout=2.0) != "answered":
            raise RuntimeError(f"{name} should be answered before it is blocked")
    return _until(node, name, "blocked", change(name))


def _until(node: Node, name: str, meaning: str, do: Callable[[], object]) -> float:
    """Return milliseconds from the start of `do` until `name` has this meaning at the socket."""
    faults: list[BaseException] = []

    def work() -> None:
        try:
            do()
        except Exception as error:  # noqa: BLE001 - told by the thread that waits
            faults.append(error)

    worker = threading.Thread(target=work)
    started = time.monotonic()
    worker.start()
    while ask(node.port, name, timeout=2.0) != meaning:
        if faults or time.monotonic() - started > GIVE_UP:
            raise RuntimeError(f"{name} is not {meaning} after the change: {faults}")
        time.sleep(0.0005)
    took = (time.monotonic() - started) * 1e3
    worker.join()
    return took


def _write_override(path: Path, name: str | None) -> None:
    end = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)).isoformat()
    entry = {"name": name, "expires": end, "reason": "measuring", "by": "bench"}
    part = path.with_suffix(".part")
    part.write_text(json.dumps(entry) + "\n" if name else "", encoding="utf-8")
    part.replace(path)
