"""What the hub takes: rows of reports a second, and a receipt of every school within a minute.

    python -m bench.feed.ingest [--nodes 28000] [--workers 2] [--seconds 20]

A real PostgreSQL with its usual durability. Every node has its own key; everything that arrives is
bytes, is read, its signature verified, and committed as the hub does it: receipts one a request,
those that wait written together, reports as a writer takes them, 64 messages a transaction. Then
some receipts once more, as from nodes whose answer was lost. Prints JSON.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner, Signer
from sqlalchemy import func, insert, select

from bench.feed.postgresql import Missing, start
from filterd.feed.canonical import canonical, read_object
from filterd.feed.envelope import seal
from filterd.feed.keys import public_key
from filterd.feed.receipt import Receipt, sign_receipt
from filterd.hub.arriving import Arrived, What
from filterd.hub.database import migrate, open_database
from filterd.hub.ingest import Taken, take_many
from filterd.hub.intake import write
from filterd.hub.tables import batches, counts, nodes, receipts
from filterd.report.batch import Band, Batch, Bracket, Deed, Lane, Tallied, batch_json

NOW = 1_770_000_000
BUCKET = NOW - NOW % 300 - 300
AT_ONCE = 64  # messages of a writer's transaction
AGAIN = 4000  # receipts that are sent a second time
THREADS = 2  # of a hub process that write what nodes send
GROUP = 16  # receipts, each a request, that are written together
MOST = 2**23
SETTINGS = {"shared_buffers": "256MB", "max_wal_size": "2GB", "max_connections": "40"}
Thing = tuple[str, bytes]  # node, what it sent


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=28_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20.0, help="of reports, about")
    args = parser.parse_args(argv)
    try:
        server = start(SETTINGS)
    except Missing as missing:
        print(missing, file=sys.stderr)
        return 2
    try:
        print(json.dumps(measure(server.url(), args.nodes, args.workers, args.seconds), indent=1))
    finally:
        server.stop()
    return 0


def measure(url: str, number: int, workers: int, seconds: float) -> dict[str, Any]:
    """Return the figures."""
    migrate(url)
    signers = [CryptoSigner(Ed25519PrivateKey.generate()) for _ in range(number)]
    enrolled(url, signers)
    proofs = [(public_key(each).id, canonical(receipt(each))) for each in signers]
    found: dict[str, Any] = {"nodes": number, "workers": workers, "cores": os.cpu_count()}
    burst = shared(url, take_proofs, proofs, workers)
    again = shared(url, take_proofs, proofs[:AGAIN], workers)
    found["receipts"] = {
        "sent": number,
        "taken": burst["taken"],
        "seconds": burst["seconds"],
        "a second": round(number / burst["seconds"]),
        "transaction p50 ms": burst["p50"],
        "transaction p99 ms": burst["p99"],
        "of a minute": round(burst["seconds"] / 60, 3),
        "sent again, taken": again["taken"],
        "sent again, a second": round(len(proofs[:AGAIN]) / again["seconds"]),
    }
    groups = {"schools": (25, signers[12:2012]), "providers": (5000, signers[:12])}
    for name, (rows, senders) in groups.items():
        trial = reports(senders, rows, 0)
        rate = len(senders) * rows / shared(url, take_reports, trial, workers)["seconds"]
        turns = max(1, round(rate * seconds / 2 / (len(senders) * rows)))
        things = [each for turn in range(turns) for each in reports(senders, rows, turn + 1)]
        taken = shared(url, take_reports, things, workers)
        found[name] = {
            "rows of a batch": rows,
            "batches": len(things),
            "bytes of a batch": round(statistics.mean(len(body) for _, body in things)),
            "seconds": taken["seconds"],
            "rows a second": round(len(things) * rows / taken["seconds"]),
            "taken": taken["taken"],
        }
    found["kept"] = kept(url)
    return found


def enrolled(url: str, signers: Sequence[Signer]) -> None:
    """Make all of them nodes."""
    database = open_database(url)
    with database.write() as connection:
        rows = [
            {
                "id": key.id,
                "public": key.public,
                "name": f"school {at}",
                "province": f"p{at % 34}",
                "kind": "school",
                "subscribers": 1,
                "enrolled_at": NOW * 1000,
                "seen_at": NOW * 1000,
                "skew": 0,
                "software": "bench",
                "size": 0,
            }
            for at, key in enumerate(map(public_key, signers))
        ]
        connection.execute(insert(nodes), rows)
    database.close()


def receipt(signer: Signer) -> dict[str, Any]:
    """Return a node's receipt for the same urgent order."""
    at = NOW * 1000
    node = public_key(signer).id
    root = hashlib.sha256(b"root").digest()
    return sign_receipt(Receipt(node, 1, root, root, at, at + 5, at + 9, 0, "bench"), signer)


def reports(signers: Sequence[Signer], rows: int, sequence: int) -> list[Thing]:
    """Return a batch of each."""
    counted = tuple(
        Tallied(BUCKET, 300, f"order:ministry/2026-{at}", Bracket.ALL, Deed.BLOCK, at, Band.FEW)
        for at in range(rows)
    )
    found = []
    for each in signers:
        node = public_key(each).id
        batch = Batch(node, NOW - 1000, sequence, bytes(32), NOW, Lane.COUNTS, counted)
        found.append((node, canonical(seal("batch", batch_json(batch), each))))
    return found


def shared(url: str, work: Any, things: Sequence[Thing], workers: int) -> dict[str, Any]:
    """Let `workers` processes take `things`, each its part; return what it came to."""
    context = multiprocessing.get_context("fork")
    gate, results = context.Barrier(workers + 1), context.Queue()
    parts = [things[at::workers] for at in range(workers)]
    children = [
        context.Process(target=_work, args=(url, work, part, gate, results)) for part in parts
    ]
    for each in children:
        each.start()
    gate.wait()
    begun = time.perf_counter()
    told = [results.get(timeout=150) for _ in children]
    took = time.perf_counter() - begun
    for each in children:
        each.join()
    times = sorted(at for _, part in told for at in part)
    return {
        "seconds": round(took, 2),
        "taken": sum(taken for taken, _ in told),
        "p50": round(times[len(times) // 2] * 1000, 2),
        "p99": round(times[len(times) * 99 // 100] * 1000, 2),
    }


def _work(url: str, work: Any, things: Sequence[Thing], gate: Any, results: Any) -> None:
    database = open_database(url, pool=THREADS)
    gate.wait()
    results.put(work(database, things))


def take_proofs(database: Any, things: Sequence[Thing]) -> tuple[int, list[float]]:
    """As requests that come while others are written: `GROUP` of them a transaction."""

    def some(at: int) -> tuple[int, float]:
        begun = time.perf_counter()
        arrived = [
            Arrived(What.RECEIPTS, node, [read_object(body, MOST)], NOW * 1000)
            for node, body in things[at : at + GROUP]
        ]
        outcomes = write(database, arrived)
        taken = sum(each.taken for each in outcomes if isinstance(each, Taken))
        return taken, time.perf_counter() - begun

    with ThreadPoolExecutor(THREADS) as pool:
        done = list(pool.map(some, range(0, len(things), GROUP)))
    return sum(taken for taken, _ in done), [took for _, took in done]


def take_reports(database: Any, things: Sequence[Thing]) -> tuple[int, list[float]]:
    """As a writer of the stream takes them."""
    total, times = Taken(0, 0), []
    rows = max(1, min(AT_ONCE, 2_000_000 // max(len(things[0][1]), 1)))
    for at in range(0, len(things), rows):
        begun = time.perf_counter()
        part = things[at : at + rows]
        arrived = [
            Arrived(What.BATCH, node, read_object(body, MOST), NOW * 1000) for node, body in part
        ]
        with database.write() as connection:
            total += take_many(connection, arrived)
        times.append(time.perf_counter() - begun)
    return total.taken, times


def kept(url: str) -> dict[str, int]:
    """Return what the database has at the end."""
    database = open_database(url)
    with database.read() as connection:
        tables = {"receipts": receipts, "batches": batches, "rows": counts}
        found = {
            name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
            for name, table in tables.items()
        }
    database.close()
    return found


if __name__ == "__main__":
    sys.exit(main())
