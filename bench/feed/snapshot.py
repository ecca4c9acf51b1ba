"""Ten million ordered rules: the snapshot, a node that begins with it, one more order, a restart.

    python -m bench.feed.snapshot [--rules 10000000] [--folder build/bench/feed] [--lock FILE]

Prints JSON. The names are synthetic, 10,000 an order, sorted within it as an import does.
"""

import argparse
import fcntl
import json
import resource
import shutil
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from bench.feed.ministry import Ministry, names, sorted_as_packed
from bench.feed.node import Following, following
from bench.saying import say
from filterd.feed.summing import publish_snapshot
from filterd.model.order import Revocation

PER_ORDER = 10_000
MORE = 10  # orders after it


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path, default=Path("build/bench/feed"))
    parser.add_argument("--lock", type=Path, help="held while something is timed")
    args = parser.parse_args()
    folder = args.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    found: dict[str, object] = {"rules": args.rules}
    ministry, some = _build(folder / "feed", args.rules, found)
    say("the snapshot")
    began, used = time.monotonic(), time.process_time()
    made = publish_snapshot(ministry.log)
    found |= {
        "publish_s": round(time.monotonic() - began, 1),
        "publish_cpu_s": round(time.process_time() - used, 1),
        "snapshot_mb": round(made.length / 1e6, 1),
        "bytes_a_rule": round(made.length / made.patterns, 2),
        "log_mb": round(made.log_length / 1e6, 1),
        "keeper_peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    with _turn(args.lock):
        say("an empty node")
        with following(ministry, folder / "node") as node:
            found["empty_node_s"] = round(node.until_blocked(some[-1], 0.05), 1)
            found["all_of_a_sample"] = all(node.blocks(name) for name in some)
            found |= {f"peak_{who}_mib": peak for who, peak in node.peaks.items()}
            found["memory_after_mib"] = node.memory()
            found |= _more(ministry, node)
        say("a restart")
        with following(ministry, folder / "node") as node:
            found["restart_s"] = round(node.until_blocked(some[-1], 0.005), 2)
            found["restart_newest_s"] = round(node.until_blocked(f"more{MORE - 1}.example"), 2)
            found["restart_peaks_mib"] = dict(node.peaks)
    print(json.dumps(found, indent=1))


def _build(feed: Path, rules: int, found: dict[str, object]) -> tuple[Ministry, list[str]]:
    ministry, some, length = Ministry.new(feed), list[str](), 0
    began, made = time.monotonic(), names(rules)

    def batches() -> Iterator[list[str]]:
        nonlocal length
        while batch := list(islice(made, PER_ORDER)):
            if len(some) % 100 == 0:
                say(f"order {len(some)}")
            some.append(batch[len(some) % len(batch)])
            length += sum(map(len, batch))
            yield sorted_as_packed(batch)

    ministry.fill(batches())
    found |= {
        "orders": len(some),
        "mean_name_bytes": round(length / rules, 1),
        "build_log_s": round(time.monotonic() - began, 1),
    }
    return ministry, some


def _more(ministry: Ministry, node: Following) -> dict[str, object]:
    """One order after the other, each until it is blocked at the socket; then a revocation."""
    say("one more order")
    took = []
    for number in range(MORE):
        name = f"more{number}.example"
        signed = ministry.order(f"more-{number}", [name])
        began = time.monotonic()
        ministry.publish(signed)
        node.until_blocked(name, 0.002)
        took.append(time.monotonic() - began)
    first = ministry.log.position.ledger.entries
    gone = next(iter(first.values())).order
    act = ministry.sign(Revocation(gone.id, gone.authority, "a mistake", int(time.time())))
    began = time.monotonic()
    ministry.publish(act)
    lifted = time.monotonic() - began
    return {
        "poll_s": 1.0,
        "one_more_s": {
            "median": round(statistics.median(took), 3),
            "max": round(max(took), 3),
            "each": [round(each, 3) for each in took],
        },
        "revocation_published_s": round(lifted, 3),
    }


@contextmanager
def _turn(lock: Path | None) -> Iterator[None]:
    if lock is None:
        yield
        return
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    main()
