"""What the hub takes: rows of reports a second, and a receipt of every school within a minute.

    python -m bench.feed.ingest [--nodes 28000] [--workers 2] [--seconds 20]

A real hub (`filterd hub serve`) and a real PostgreSQL with its usual durability. Every node has its
own key and address; what it sends is packed and signed as a node does it, beforehand, and goes over
HTTP, each receipt a request of its own, from one more process on the same cores. Then some
receipts once more, as from nodes whose answer was lost. What counts at the end is what the database
has. Prints JSON.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner, Signer
from sqlalchemy import func, insert, select

from bench.feed.postgresql import Missing, start
from bench.feed.posting import Posted, post, request
from bench.process import free_port
from filterd.cli.demo_fleet import HubAt, prepare_hub, started, wait_ready
from filterd.cli.demo_world import make_world
from filterd.feed.canonical import canonical
from filterd.feed.delivery import parcel
from filterd.feed.envelope import seal
from filterd.feed.keys import public_key
from filterd.feed.receipt import Receipt, sign_receipt
from filterd.hub.database import Database
from filterd.hub.tables import batches, counts, nodes, receipts
from filterd.report.batch import Band, Batch, Bracket, Deed, Lane, Tallied, batch_json

AGAIN = 4000  # receipts that are sent a second time
CONNECTIONS = 64  # that a proxy keeps to the hub
PATIENCE = 240.0  # seconds for all of one kind
EPOCH = 1_770_000_000
SETTINGS = {"shared_buffers": "256MB", "max_wal_size": "2GB", "max_connections": "60"}
Body = Callable[[Signer, int], dict[str, Any]]


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
        with tempfile.TemporaryDirectory(prefix="filterd-bench-") as folder:
            found = measure(Path(folder), server.url(), args.nodes, args.workers, args.seconds)
        print(json.dumps(found, indent=1))
    finally:
        server.stop()
    return 0


def measure(folder: Path, url: str, number: int, workers: int, seconds: float) -> dict[str, Any]:
    """Return the figures."""
    port = free_port()
    world = make_world(folder / "ministry", int(time.time()))
    changes = {"workers": workers, "log": None}
    hub = prepare_hub(world, f"127.0.0.1:{port}", changes, url)
    signers = [CryptoSigner(Ed25519PrivateKey.generate()) for _ in range(number)]
    enrolled(hub.database, signers)
    words = ("hub", "serve", "-c", str(hub.config))
    try:
        with started("the hub", words, folder / "hub.log") as serving:
            wait_ready(serving, f"{hub.url}/feed/checkpoint")
            return _measured(hub, port, signers, workers, seconds)
    finally:
        hub.database.close()


def _measured(
    hub: HubAt, port: int, signers: Sequence[Signer], workers: int, seconds: float
) -> dict[str, Any]:
    number = len(signers)
    found: dict[str, Any] = {"nodes": number, "workers": workers, "cores": os.cpu_count()}
    proofs = made("/v1/receipts", receipts_of, signers, [0])
    burst = posted(port, proofs)
    kept_then = kept(hub.database)
    again = posted(port, proofs[:AGAIN])
    found["receipts"] = {
        "sent": number,
        "taken": burst.taken,
        "kept": kept_then["receipts"],
        "seconds": round(burst.seconds, 2),
        "a second": round(number / burst.seconds),
        "answer p50 ms": _part(burst, 0.5),
        "answer p99 ms": _part(burst, 0.99),
        "answers": dict(burst.answers),
        "of a minute": round(burst.seconds / 60, 3),
        "sent again, taken": again.taken,
        "sent again, a second": round(len(proofs[:AGAIN]) / again.seconds),
    }
    groups = {"schools": (25, signers[12:2012]), "providers": (5000, signers[:12])}
    for name, (rows, senders) in groups.items():
        body = reports(rows)
        trial = posted(port, made("/v1/reports", body, senders, [0])).seconds
        turns = max(1, round(seconds / 2 / trial))
        things = made("/v1/reports", body, senders, range(1, turns + 1))
        done = posted(port, things)
        found[name] = {
            "rows of a batch": rows,
            "batches": len(things),
            "bytes of a request": round(statistics.mean(map(len, things))),
            "seconds": round(done.seconds, 2),
            "rows a second": round(len(things) * rows / done.seconds),
            "answer p50 ms": _part(done, 0.5),
            "answers": dict(done.answers),
            "taken": done.taken,
        }
    found["kept"] = kept(hub.database)
    return found


def enrolled(database: Database, signers: Sequence[Signer]) -> None:
    """Make all of them nodes."""
    now_ms = int(time.time() * 1000)
    with database.write() as connection:
        rows = [
            {
                "id": key.id,
                "public": key.public,
                "name": f"school {at}",
                "province": f"p{at % 34}",
                "kind": "school",
                "subscribers": 1,
                "enrolled_at": now_ms,
                "seen_at": 0,  # so that each is to be noted as seen
                "skew": 0,
                "software": "bench",
                "size": 0,
            }
            for at, key in enumerate(map(public_key, signers))
        ]
        connection.execute(insert(nodes), rows)


def made(path: str, body: Body, signers: Sequence[Signer], turns: Sequence[int]) -> list[bytes]:
    """Return a request of each signer for each turn, as its node would send it now."""
    found = []
    for turn in turns:
        for at, each in enumerate(signers):
            sent = parcel(f"http://hub{path}", canonical(body(each, turn)), each, int(time.time()))
            address = f"10.{at >> 16}.{at >> 8 & 255}.{at & 255}"
            found.append(request(path, sent.content, sent.headers, address))
    return found


def receipts_of(signer: Signer, _turn: int) -> dict[str, Any]:
    """Return a node's receipt for the same urgent order."""
    at = time.time_ns() // 1_000_000
    node = public_key(signer).id
    root = hashlib.sha256(b"root").digest()
    said = Receipt(node, 1, root, root, at - 9, at - 4, at, 0, "bench")
    return {"receipts": [sign_receipt(said, signer)]}


def reports(rows: int) -> Body:
    """Return what makes a batch of so many rows."""
    bucket = int(time.time()) // 300 * 300 - 300
    counted = tuple(
        Tallied(bucket, 300, f"order:ministry/2026-{at}", Bracket.ALL, Deed.BLOCK, at, Band.FEW)
        for at in range(rows)
    )

    def batch(signer: Signer, turn: int) -> dict[str, Any]:
        node, now = public_key(signer).id, int(time.time())
        said = Batch(node, EPOCH, turn, bytes(32), now, Lane.COUNTS, counted)
        return seal("batch", batch_json(said), signer)

    return batch


def posted(port: int, requests: Sequence[bytes]) -> Posted:
    """Let a process send all; return what it came to."""
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    child = context.Process(target=_child, args=(port, requests, results))
    child.start()
    told: Posted | str = results.get()
    child.join()
    if isinstance(told, str):
        raise RuntimeError(told)  # noqa: TRY004 - what the other process said
    return told


def _child(port: int, requests: Sequence[bytes], results: Any) -> None:
    try:
        results.put(post(port, requests, CONNECTIONS, PATIENCE))
    except Exception as error:  # noqa: BLE001 - whatever it is, whoever waits is told
        results.put(f"not all was taken: {error or type(error).__name__}")


def _part(done: Posted, part: float) -> float:
    times = sorted(done.times)
    return round(times[int(len(times) * part)] * 1000, 1)


def kept(database: Database) -> dict[str, int]:
    """Return what the database has."""
    with database.read() as connection:
        tables = {"receipts": receipts, "batches": batches, "rows": counts}
        return {
            name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
            for name, table in tables.items()
        }


if __name__ == "__main__":
    sys.exit(main())
