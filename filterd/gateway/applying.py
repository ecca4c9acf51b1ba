"""A plan put in force, taken away, and compared with what is there.

What was applied is written down beside the node's state, so that a change by hand is told from a
change of the configuration. The kernel spells rules in its own way, which is why its listing right
after applying is what later ones are compared with.
"""

import difflib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filterd.gateway import live, nft
from filterd.gateway.plan import Plan
from filterd.gateway.text import change, removal, table, transaction
from filterd.model.durable import make_directory, write_atomically

logger = logging.getLogger(__name__)
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
    written = _read(record) if before.state != "absent" else None
    nft.put(_tried(plan, before, written))
    shown = {"text": table(plan), "live": live.fingerprint(nft.listed() or ())}
    make_directory(record.parent)
    write_atomically(record, (json.dumps(shown) + "\n").encode())
    if written is None:
        return (f"+ {len(plan.chains)} chains, {sum(len(c.rules) for c in plan.chains)} rules",)
    old, new = written["text"].splitlines(), table(plan).splitlines()
    lines = difflib.unified_diff(old, new, n=0, lineterm="")
    changed = [each for each in lines if not each.startswith(("---", "+++", "@@"))]
    return changed or ("+ as the configuration has it, again",)


def _tried(plan: Plan, before: Standing, written: dict[str, str] | None) -> str:
    """Return what the kernel would take: a change that leaves what was learned where it is, else,
    where the table is not as we left it, a new one with a copy of that.
    """
    kept = live.keeping(before.items)
    if before.state == "stale" and written is not None:
        text = change(plan, before.items, written["text"], kept)
        try:
            nft.check(text)
        except nft.GatewayError as error:
            logger.info("the table is made anew: %s", error)
        else:
            return text
    text = transaction(plan, kept)
    nft.check(text)
    return text


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
    except (OSError, ValueError):  # of another account, too: then it is written anew
        return None
    known = isinstance(value, dict) and all(isinstance(value.get(k), str) for k in ("text", "live"))
    return value if known else None
