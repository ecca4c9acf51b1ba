"""The hub's views as lines for people."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from filterd.cli.base import paint, printable
from filterd.cli.table import Cell, length, percent, table

Json = Any
Clock = Callable[[float], datetime]
_STATES = {"in force": "green", "waiting": "yellow", "scheduled": "yellow"}
_SHOWN = 5  # names of one line


def status(told: Json, clock: Clock) -> list[str]:
    """Return `views.status` as lines."""
    now, counted, waits = told["at"], told["nodes"], told["waiting"]
    newest = told["published_at"]
    published = "never" if newest is None else f"newest {length(now - newest)} ago"
    states = ", ".join(f"{n:,} {word}" for word, n in told["orders"].items() if n) or "none"
    parts = (
        ("late", "red", "late"),
        ("silent", "yellow", "silent"),
        ("behind", "dim", "behind"),
        ("skewed", "yellow", "with a wrong clock"),
        ("refusing", "yellow", "refuse orders"),
        ("held", "yellow", "with held orders"),
        ("ended", "dim", "ended"),
    )
    kinds = [paint(f"{counted[key]:,} {word}", style) for key, style, word in parts if counted[key]]
    unblock, held = told["unblock"], told["held_orders"]
    still = unblock["still_blocked"]
    lines = [
        ("as of", f"{_when(now, clock)} {clock(now):%Z}"),
        ("log", f"{told['size']:,} segments, {published}"),
        ("orders", states + _if(held, f", {held:,} held somewhere", "yellow")),
        ("waiting", _waiting(waits, now)),
        ("nodes", ", ".join([f"{counted['enrolled']:,} enrolled", *kinds])),
        ("coverage", _coverage(told)),
        ("enforced", _pace(told["enforce"])),
        ("revoked", _pace(unblock["revocation"])),
        ("expired", _pace(unblock["expiry"]) + _if(still, f", {still:,} still blocked", "red")),
        ("overblocked", _overblocked(told["overblocked"])),
        ("false orders", _false(told["false_orders"])),
        ("reports", _chains(told["chains"])),
    ]
    return [f"{title:<14}{text}" for title, text in lines]


def orders(told: Sequence[Json], clock: Clock) -> list[str]:
    """Return `views.orders` as lines."""
    if not told:
        return ["no order was submitted yet"]
    titles = ("order", "reference", "category", "state", "published", ">T1-T0", ">enforced",
              ">held", ">coverage", ">late", ">p50", ">p95", ">p99")  # fmt: skip
    return table(titles, [_order_row(each, clock) for each in told])


def order(told: Json, clock: Clock) -> list[str]:
    """Return `views.order` as lines."""
    published = told["published_at"]
    words = ("authority", "id", "reference", "legal_basis", "category", "effect", "priority")
    lines = [f"{word.replace('_', ' '):<14}{printable(told[word])}" for word in words]
    share = f" ({percent(told['coverage'])})" if told["expected"] else ""
    enforcing = f"{told['enforcing']:,} of {told['expected']:,} nodes{share}"
    pairs = (
        ("patterns", f"{told['patterns']:,}"),
        ("state", _state(told).text),
        ("T0 signed", _when(told["signed_at"], clock)),
        ("T1 published", "not yet" if published is None else _when(published, clock)),
        ("enforced", f"{enforcing}, {_pace(told['enforce'])}"),
    )
    lines += [f"{title:<14}{text}" for title, text in pairs]
    if told["held"]:
        at_nodes = paint(f"at {told['held']:,} nodes", "yellow")
        lines.append(f"{'held':<14}{at_nodes}")
    if told["revoked_at"] is not None:
        lines.append(f"{'revoked':<14}{_when(told['revoked_at'], clock)}, {_pace(told['unblock'])}")
    if not told["times"]:
        return lines
    titles = ("node", "province", ">clock", ">T2 received", ">T3 applied", ">T4 observed",
              ">arrived")  # fmt: skip
    return [*lines, "", *table(titles, [_times_row(each, published) for each in told["times"]])]


def nodes(told: Sequence[Json], clock: Clock) -> list[str]:
    """Return `views.nodes` as lines."""
    if not told:
        return ["no node is enrolled; `filterd hub invite` gives a code"]
    titles = ("node", "name", "province", "kind", ">subscribers", "software", ">segments",
              ">behind", "lacks since", "seen", ">clock", ">refused", ">held", "state")  # fmt: skip
    return table(titles, [_node_row(each, clock) for each in told])


def late(told: Json, clock: Clock) -> list[str]:
    """Return `views.late` as lines."""
    lines = nodes(told["nodes"], clock) if told["nodes"] else []
    if told["chains"]:
        titles = ("reports of", "name", "province", ">gaps", ">forks", ">lost rows")
        lines += ["", *table(titles, [_chain_row(each) for each in told["chains"]])]
    if told["overblocked"]:
        heads = ("blocked and must be open", ">nodes", "since")
        lines += ["", *table(heads, [_open_row(each, clock) for each in told["overblocked"]])]
    return lines or [paint("nothing is late or wrong", "green")]


def audit(told: Json, clock: Clock) -> list[str]:
    """Return `views.audit` as lines."""
    good = f"chain of {told['rows']:,} rows holds; newest digest {told['newest']}"
    broken = paint(f"the chain is broken at row {told['broken']}", "red")
    rows = [_note_row(each, clock) for each in told["notes"]]
    lines = table((">row", "at", "who", "what", "subject", "detail"), rows) if rows else []
    return [*lines, good if told["broken"] is None else broken]


def _order_row(told: Json, clock: Clock) -> Sequence[str | Cell]:
    published, pace = told["published_at"], told["enforce"]
    return (
        f"{told['authority']}/{told['id']}",
        told["reference"],
        told["category"],
        _state(told),
        "" if published is None else _when(published, clock),
        "" if published is None else length(published - told["signed_at"]),
        "" if published is None else f"{told['enforcing']:,}/{told['expected']:,}",
        Cell(_many(told["held"]), "yellow"),
        percent(told["coverage"]),
        Cell(_many(told["late"]), "red"),
        *(length(pace[name]) for name in ("p50", "p95", "p99")),
    )


def _times_row(told: Json, published: int) -> Sequence[str | Cell]:
    moments = ("node_received_at", "node_applied_at", "observed_at", "arrived_at")
    skew = told["skew"] * 1000 if abs(told["skew"]) > 2 else 0
    shown = [None if told[name] is None else told[name] - published for name in moments]
    if told["size"] is not None:
        shown[:2] = [each - skew for each in shown[:2] if each is not None]
    lacking = Cell("held", "yellow") if told["held"] else Cell("not yet", "red")
    since = [lacking if each is None else length(each) for each in shown]
    return (told["name"], told["province"], _skew(told["skew"]), *since)


def _node_row(told: Json, clock: Clock) -> Sequence[str | Cell]:
    wrong = [word for word in ("late", "silent") if told[word]]
    state = Cell(", ".join(wrong), "red" if told["late"] else "yellow")
    since = told["lacks_since"]
    return (
        told["id"][:12],
        told["name"],
        told["province"],
        told["kind"],
        _many(told["subscribers"] if told["kind"] != "school" else 0),
        told["software"],
        f"{told['size']:,}",
        _many(told["behind"]),
        "" if since is None else _when(since, clock),
        _when(told["seen_at"], clock),
        Cell(_skew(told["skew"]), "yellow" if told["skewed"] else "dim"),
        Cell(_many(told["refused"]), "yellow"),
        Cell(_many(told["held"]), "yellow"),
        state if wrong else Cell("ok", "green"),
    )


def _chain_row(told: Json) -> Sequence[str | Cell]:
    gaps, forks, lost = (_many(told[name]) for name in ("gaps", "forks", "dropped"))
    return (told["id"][:12], told["name"], told["province"], gaps, Cell(forks, "red"), lost)


def _open_row(told: Json, clock: Clock) -> Sequence[str | Cell]:
    return (Cell(told["subject"], "red"), f"{told['nodes']:,}", _when(told["since"], clock))


def _note_row(told: Json, clock: Clock) -> Sequence[str | Cell]:
    detail = json.dumps(told["detail"], ensure_ascii=False)
    words = (told["who"], told["what"], told["subject"])
    return (str(told["number"]), _when(told["at"], clock), *words, detail)


def _state(told: Json) -> Cell:
    return Cell(told["state"], _STATES.get(told["state"], "dim"))


def _coverage(told: Json) -> str:
    if told["coverage"] is None:
        return "no node is enrolled"
    plain, heavy = percent(told["coverage"]), percent(told["coverage_weighted"])
    return f"{plain} of nodes, {heavy} of subscribers enforce all that is due"


def _pace(pace: Mapping[str, int | None]) -> str:
    if not pace["nodes"]:
        return "nothing measured"
    named = ", ".join(f"{name} {length(pace[name])}" for name in ("p50", "p95", "p99"))
    heavy = ", ".join(length(pace[f"{name}_weighted"]) for name in ("p50", "p95", "p99"))
    return named if named.endswith(heavy) else f"{named} (by subscribers {heavy})"


def _waiting(waits: Json, now: int) -> str:
    if waits["oldest"] is None:
        return "nothing"
    numbers = ", ".join(
        f"{waits[each]:,} {each}" for each in ("orders", "revocations") if waits[each]
    )
    return f"{numbers}, the oldest for {length(now - waits['oldest'])}"


def _false(told: Json) -> str:
    numbers = f"{told['revoked_within_a_day']:,} of {told['published']:,} in 30 days"
    share = f" ({percent(told['rate'])})" if told["rate"] else ""
    return f"{numbers} were revoked within a day{share}"


def _chains(told: Json) -> str:
    named = f"gaps at {told['gaps']:,}, forks at {told['forks']:,}, rows lost at"
    return f"{named} {told['dropped']:,} of the nodes"


def _overblocked(told: Sequence[Json]) -> str:
    if not told:
        return "nothing that must stay open"
    named = ", ".join(
        f"{printable(each['subject'])} at {each['nodes']:,}" for each in told[:_SHOWN]
    )
    more = f" and {len(told) - _SHOWN:,} more names" if len(told) > _SHOWN else ""
    return paint(f"{named}{more}", "red")


def _when(at: float, clock: Clock) -> str:
    return f"{clock(at):%Y-%m-%d %H:%M:%S}"


def _skew(seconds: int) -> str:
    return f"{seconds:+,} s" if seconds else ""


def _many(number: int) -> str:
    return f"{number:,}" if number else ""


def _if(condition: object, text: str, style: str) -> str:
    return paint(text, style) if condition else ""
