"""A plan put in force, taken away, and compared with what is there.

What was applied is written down beside the node's state, so that a change by hand is told from a
change of the configuration. The kernel spells rules in its own way, which is why its listing right
after applying is what later ones are compared with.
"""

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filterd.gateway import live, nft
from filterd.gateway.plan import Plan
from filterd.gateway.text import removal, table, transaction
from filterd.model.durable import make_directory, write_atomically

FILE = "gateway.json"


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand. `state` is a key of `words.SAID`: absent, applied, stale, touched, unknown.
    `items` is the table as nft lists it.
    """

    state: str
    items: tuple[dict[str, Any], ...] = ()


def standing(plan: Plan, record: Path) -> Standing:
    """Compare what is in force with `plan`; `apply` wrote the file `record`. GatewayError."""
    items = nft.listed()
    if items is None:
        return Standing("absent")
    written = _read(record)
    if written is None:
        state = "unknown"
    elif written["live"] != live.fingerprint(items):
        state = "touched"
    elif written["text"] != table(plan):
        state = "stale"
    else:
        state = "applied"
    return Standing(state, tuple(items))


def apply(plan: Plan, record: Path) -> Sequence[str]:
    """Put `plan` in force in one step; return the lines that changed, none where it was already.

    What the old table learned goes on. Nothing else of the firewall is touched.

    Raises:
        GatewayError: nothing was changed.
        OSError: it is in force, and `record` cannot be written.
    """
    before = standing(plan, record)
    if before.state == "applied":
        return ()
    text = transaction(plan, live.keeping(before.items))
    nft.check(text)
    nft.put(text)
    written = _read(record) if before.state != "absent" else None
    shown = {"text": table(plan), "live": live.fingerprint(nft.listed() or ())}
    make_directory(record.parent)
    write_atomically(record, (json.dumps(shown) + "\n").encode())
    if written is None:
        return (f"+ {len(plan.chains)} chains, {sum(len(c.rules) for c in plan.chains)} rules",)
    old, new = written["text"].splitlines(), table(plan).splitlines()
    lines = difflib.unified_diff(old, new, n=0, lineterm="")
    changed = [each for each in lines if not each.startswith(("---", "+++", "@@"))]
    return changed or ("+ as the configuration has it, again",)


def remove(record: Path) -> bool:
    """Take the table away; return whether there was one. GatewayError."""
    was = nft.listed() is not None
    if was:
        nft.put(removal())
    record.unlink(missing_ok=True)
    return was


def _read(record: Path) -> dict[str, str] | None:
    try:
        value = json.loads(record.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    known = isinstance(value, dict) and all(isinstance(value.get(k), str) for k in ("text", "live"))
    return value if known else None
