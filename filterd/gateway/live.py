"""What is in force, read from nft's JSON: its fingerprint, its counts, and what it learned."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from filterd.gateway.plan import Plan

Item = Mapping[str, Any]
_CONCAT = " . "


def fingerprint(items: Iterable[Item]) -> str:
    """Return the SHA-256 of a table without what changes by itself: handles, counts, and elements
    that come and go. Two are equal exactly if nobody changed anything in between.
    """
    shown = []
    for item in items:
        for kind, value in item.items():
            if kind == "metainfo":
                continue
            gone = {"handle", "elem"} if "timeout" in value.get("flags", ()) else {"handle"}
            kept = {key: each for key, each in value.items() if key not in gone}
            if "elem" in kept:
                kept["elem"] = sorted(kept["elem"], key=_text)
            if "expr" in kept:
                kept["expr"] = [{"counter": {}} if "counter" in e else e for e in kept["expr"]]
            shown.append(_text({kind: kept}))
    return hashlib.sha256("\n".join(shown).encode()).hexdigest()


def counts(items: Iterable[Item]) -> dict[tuple[str, str], int]:
    """Return packets by chain and key of a rule; rules with the same key are added together.
    In `prerouting` that is connections, for later packets of one do not come there.
    """
    found: dict[tuple[str, str], int] = {}
    for item in items:
        rule = item.get("rule")
        if rule is None or "comment" not in rule:
            continue
        at = (str(rule["chain"]), str(rule["comment"]))
        for expression in rule["expr"]:
            found[at] = found.get(at, 0) + expression.get("counter", {}).get("packets", 0)
    return found


def by_group(plan: Plan, items: Iterable[Item]) -> dict[tuple[str, str], int]:
    """Return packets by group and key of a rule, of every named rule, group by group."""
    met = counts(items)
    found: dict[tuple[str, str], int] = {}
    for group in dict.fromkeys(each.group for each in plan.chains if each.group):
        for chain in (each for each in plan.chains if each.group == group):
            for key in dict.fromkeys(rule.key for rule in chain.rules if rule.key):
                found[group, key] = met.get((chain.name, key), 0)
    return found


def learned(items: Iterable[Item]) -> dict[str, list[tuple[str, int]]]:
    """Return set -> (element, seconds it still stays), of the sets whose elements end."""
    found: dict[str, list[tuple[str, int]]] = {}
    for item in items:
        each = item.get("set")
        if each is None or "timeout" not in each.get("flags", ()):
            continue
        rows = (row["elem"] for row in each.get("elem", ()) if isinstance(row, dict))
        found[each["name"]] = sorted(
            (_element(row["val"]), int(row.get("expires", 0))) for row in rows if "val" in row
        )
    return found


def keeping(items: Iterable[Item]) -> dict[str, tuple[str, ...]]:
    """Return set -> elements with the time they have left, to be put into a new table."""
    return {
        name: tuple(f"{each} timeout {left}s" for each, left in rows if left > 0)
        for name, rows in learned(items).items()
    }


def _element(value: Any) -> str:
    if isinstance(value, dict) and "concat" in value:
        return _CONCAT.join(_element(each) for each in value["concat"])
    return str(value)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
