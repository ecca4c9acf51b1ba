"""A root of the DNS for a test: one signed zone that holds every name, so that a validating resolver
has somewhere to begin. Served by Knot.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import dns.dnssec
import dns.name
import dns.rdatatype
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec

DAY = 86_400


@dataclass(frozen=True)
class Root:
    """`zone`: the file; `anchor`: the DS record of its key; `hints`: the file that names its server."""

    zone: Path
    anchor: str
    hints: Path


def signed_root(folder: Path, server: str, *records: str) -> Root:
    """Write a root zone whose name server is at `server`, with `records`, signed for a day."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "\n".join(
        (
            "$TTL 3600",
            ". SOA ns.root.test. hostmaster.root.test. 1 3600 600 86400 60",
            ". NS ns.root.test.",
            f"ns.root.test. A {server}",
            *records,
        )
    )
    zone = dns.zone.from_text(text + "\n", origin=dns.name.root, relativize=False)
    secret = ec.generate_private_key(ec.SECP256R1())
    key = dns.dnssec.make_dnskey(secret.public_key(), "ECDSAP256SHA256", flags=257)
    now = int(time.time())
    with zone.writer() as transaction:
        dns.dnssec.sign_zone(
            zone, transaction, keys=[(secret, key)], dnskey_ttl=3600,
            inception=now - DAY, expiration=now + DAY,
        )  # fmt: skip
    file, hints = folder / "root.zone", folder / "root.hints"
    file.write_text(zone.to_text(relativize=False) + "\n")
    hints.write_text(f". 3600 NS ns.root.test.\nns.root.test. 3600 A {server}\n")
    return Root(file, f". IN DS {dns.dnssec.make_ds(dns.name.root, key, 'SHA256')}", hints)


def knot_config(folder: Path, root: Root, *listen: str) -> Path:
    """Write what has Knot serve `root` at `listen` (ADDRESS@PORT); return the file."""
    return zone_config(folder, ".", root.zone, *listen)


def zone_config(folder: Path, domain: str, zone: Path, *listen: str) -> Path:
    """Write what has Knot serve one zone; return the file."""
    file = folder / "knot.conf"
    file.write_text(
        f"server:\n    rundir: {folder}\n    listen: [{', '.join(listen)}]\n    udp-workers: 1\n"
        "    tcp-workers: 1\n    background-workers: 1\n"
        f"database:\n    storage: {folder}\n"
        f"zone:\n  - domain: {domain}\n    file: {zone}\n    zonefile-load: whole\n"
    )
    return file
