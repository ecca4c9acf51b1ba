"""`rounds`: filterd beside the floor and beside every peer; tables and the figures with bars."""

import contextlib
from collections.abc import Mapping, Sequence

from bench import mixes, rounds
from bench.blast import Server
from bench.context import Bench
from bench.daemon import KNOWS_WORKERS
from bench.figures import Figure
from bench.peers import PEERS
from bench.rounds import FIXED, FULL, RATES, Cell, Cells
from bench.saying import say
from bench.standing import Standing, filterd, floor, start_peers

OURS, ASYNCIO = "filterd", "filterd asyncio"
F1 = "F1"
TITLES = {"a": "blocked", "b": "cached", "c": "mixed", "m": "forwarded"}
RATE = RATES[0]


def measure(bench: Bench) -> None:
    """Start everything, measure it in rounds, and keep what was found."""
    names = bench.names()
    files = mixes.write_mixes(names)
    with contextlib.ExitStack() as stack:
        node = bench.node()
        ground = stack.enter_context(floor(bench.programs))
        say("starting filterd")
        standing = []
        if KNOWS_WORKERS:
            standing.append(stack.enter_context(filterd(OURS, node, names)))
        slow = node.another("asyncio", pin=())
        standing.append(stack.enter_context(filterd(ASYNCIO, slow, names)))
        standing += start_peers(stack, names, bench.upstream, bench.peers)
        servers = [each.server for each in standing]
        say(f"{bench.pace.rounds} rounds of {len(servers)} servers")
        cells = rounds.run(bench.programs.blast, ground, servers, files, bench.pace, bench.lock)
    bench.raw["rounds"] = rounds.as_json(cells)
    bench.raw["standing"] = {
        each.server.name: {"load_s": each.load_s, **each.memory} for each in standing
    }
    title = f"CPU a query, medians of {bench.pace.rounds} rounds (× F1 of the same round)"
    bench.tables[title] = table(cells, [ground, *servers])
    bench.tables[f"{names.count:,} rules loaded"] = loading(standing)
    judge(bench, cells)


def judge(bench: Bench, cells: Cells) -> None:
    """Hold filterd against the bars, and against the best peer of the same run."""
    peers = [each.name for each in PEERS if (each.name, FULL, "c") in cells]
    best = OURS if (OURS, FULL, "c") in cells else ASYNCIO
    for mix, bar in (("a", 1.2), ("b", 1.2), ("c", 1.6)):
        cell = cells[best, FULL, mix]
        others = _best(cells, peers, FULL, mix, "ratio")
        note = f"{cell.cpu_us:.2f} µs, {cell.qps:,.0f} queries/s{_faults(cell)}; {others}"
        bench.add(Figure(f"mix {mix}, {TITLES[mix]}", cell.ratio, "× F1", bar, note))
    cell = cells[best, FIXED, "c"]
    others = _best(cells, peers, FIXED, "c", "ratio")
    note = f"{cell.cpu_us:.2f} µs{_faults(cell)}; {others}"
    bench.add(Figure(f"mix c at {cell.rate:,}/s", cell.ratio, "× F1", 1.3, note))
    fair = [cells[name, FIXED, "c"] for name in peers if cells[name, FIXED, "c"].rate == cell.rate]
    least = min((each.p99_us for each in fair), default=None)
    note = f"the bar is the best peer; F1 {cells[F1, FIXED, 'c'].p99_us:,.0f} µs"
    bench.add(Figure(f"p99 of mix c at {cell.rate:,}/s", cell.p99_us, "µs", least, note))
    cell = cells[best, FULL, "m"]
    others = _best(cells, peers, FULL, "m", "cpu_us")
    note = f"{cell.ratio:.2f} × F1, which took {cells[F1, FULL, 'm'].cpu_us:.2f} µs; {others}"
    note += _faults(cell)
    bench.add(
        Figure("a forwarded miss", cell.cpu_us, "µs CPU", 10, note),
        Figure("forwarded misses", cell.qps, "/s", None, "128 outstanding", least=40_000),
    )


def _best(cells: Cells, peers: Sequence[str], load: str, mix: str, what: str) -> str:
    """Return in words which peer needs least."""
    mine = [(getattr(cells[name, load, mix], what), name) for name in peers]
    if load == FIXED:
        mine = [(value, name) for value, name in mine if cells[name, load, mix].rate == RATE]
    if not mine:
        return "no peer was measured"
    value, name = min(mine)
    return f"best peer {name} {value:.3g}{' ×' if what == 'ratio' else ' µs'}"


def _faults(cell: Cell) -> str:
    return f", {cell.wrong} wrong, {cell.lost} lost" if cell.wrong or cell.lost else ""


def table(cells: Cells, servers: Sequence[Server]) -> list[str]:
    """Return the Markdown rows: µs a query (times F1) and thousands of queries a second."""
    full = [f"{mix} {title}" for mix, title in TITLES.items()]
    heads = ["server", *full, f"c at {RATE:,}/s", "p50 / p95 / p99 µs", "wrong", "lost"]
    rows = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for server in servers:
        own: Mapping[tuple[str, str], Cell] = {
            (load, mix): cell for (name, load, mix), cell in cells.items() if name == server.name
        }
        row = [f"**{server.name}**" if server.name == OURS else server.name]
        for mix in TITLES:
            cell = own[FULL, mix]
            row.append(f"{_cpu(cell)} ({cell.ratio:.2f}×) {cell.qps / 1000:,.0f}k")
        slow = own[FIXED, "c"]
        at = "" if slow.rate == RATE else f" at {slow.rate:,}/s"
        row.append(f"{_cpu(slow)}{at}" if at else f"{_cpu(slow)} ({slow.ratio:.2f}×)")
        row.append(f"{slow.p50_us:,.0f} / {slow.p95_us:,.0f} / {slow.p99_us:,.0f}")
        sent = sum(cell.sent for cell in own.values())
        lost = sum(cell.lost for cell in own.values())
        wrong = sum(cell.wrong for cell in own.values())
        row.append("–" if server.echo else f"{wrong}")
        row.append(f"{lost}" if not lost else f"{lost} ({100 * lost / sent:.3f} %)")
        rows.append(f"| {' | '.join(row)} |")
    return rows


def _cpu(cell: Cell) -> str:
    return f"{cell.cpu_us:.2f}" if cell.cpu_us < 100 else f"{cell.cpu_us:,.0f}"


def loading(standing: Sequence[Standing]) -> list[str]:
    """Return the Markdown rows: how long until everything is blocked, and memory then."""
    rows = ["| server | s until blocked | resident MiB | private MiB |", "|---|---|---|---|"]
    for each in standing:
        sizes = f"{each.memory['rss']:,.0f} | {each.memory['uss']:,.0f}"
        rows.append(f"| {each.server.name} | {each.load_s:.2f} | {sizes} |")
    return rows
