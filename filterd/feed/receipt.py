"""Receipts: a node's signed word that it enforces the log up to a position.

One is signed only after the newest segment's canary was really answered "blocked" through the
node's own socket, so it says "enforced", not "downloaded".
"""

from dataclasses import dataclass
from typing import Any

from securesystemslib.signer import Signer

from filterd.feed.envelope import seal, unseal
from filterd.feed.refusal import Fault, Refused
from filterd.model.order import PublicKey

Json = Any
_KNOWN: dict[str, type | tuple[type, ...]] = {
    "node": str,
    "size": int,
    "root": str,
    "state": str,
    "received_at": int,
    "applied_at": int,
    "observed_at": int,
    "refused": int,
    "software": str,
    "checks": list,
    "held": list,
}
MOST_HELD = 256
KINDS = frozenset({"expiry", "open"})
MOST_CHECKS = 16


@dataclass(frozen=True, slots=True)
class Check:
    """Something else that was asked at the node's own door.

    `kind` expiry: the canary of segment `subject` is answered again after its end; open: `subject`,
    a name that must not be blocked, is not. `due_at` and `seen_at` in unix milliseconds.
    """

    kind: str
    subject: str
    due_at: int
    seen_at: int
    good: bool


@dataclass(frozen=True, slots=True)
class Receipt:
    """`size`, `root` and `state` are those of the checkpoint; times are unix milliseconds, by the
    node's clock: received, applied, and seen blocked. `refused`: how many orders of the ledger the
    node does not enforce.

    `held` are segments with an order that is not enforced yet: it waits for its turn in a staged
    roll-out, or is held back until it is confirmed. A receipt speaks of all others below `size`.
    """

    node: str
    size: int
    root: bytes
    state: bytes
    received_at: int
    applied_at: int
    observed_at: int
    refused: int
    software: str
    checks: tuple[Check, ...] = ()
    held: tuple[int, ...] = ()


def receipt_json(receipt: Receipt) -> dict[str, Json]:
    """Return a receipt as it is signed."""
    plain = {name: getattr(receipt, name) for name in _KNOWN}
    return {
        **plain,
        "root": receipt.root.hex(),
        "state": receipt.state.hex(),
        "held": list(receipt.held),
        "checks": [[c.kind, c.subject, c.due_at, c.seen_at, int(c.good)] for c in receipt.checks],
    }


def sign_receipt(receipt: Receipt, signer: Signer) -> dict[str, Json]:
    """Return a receipt with its signature, as it is sent."""
    return seal("receipt", receipt_json(receipt), signer)


def read_receipt(value: Json, key: PublicKey) -> Receipt:
    """Read what `sign_receipt` writes, of the node whose key it is.

    Raises:
        Refused: MALFORMED or UNSIGNED.
    """
    plain = unseal("receipt", value, key, _KNOWN)
    try:
        root, state = bytes.fromhex(plain["root"]), bytes.fromhex(plain["state"])
    except ValueError as error:
        raise Refused(Fault.MALFORMED, "receipt: a hash that is none") from error
    if len(plain["checks"]) > MOST_CHECKS:
        raise Refused(Fault.MALFORMED, f"receipt: more than {MOST_CHECKS} checks")
    checks = tuple(map(_check, plain["checks"]))
    held = tuple(plain["held"])
    if len(held) > MOST_HELD or not all(type(n) is int and 0 <= n < plain["size"] for n in held):
        raise Refused(Fault.MALFORMED, "receipt: segments that are held do not read")
    return Receipt(**{**plain, "root": root, "state": state, "checks": checks, "held": held})


def _check(value: Json) -> Check:
    kinds = [str, str, int, int, int]
    good = isinstance(value, list) and [type(each) for each in value] == kinds
    if not good or value[0] not in KINDS or value[4] not in (0, 1) or len(value[1]) > 255:
        raise Refused(Fault.MALFORMED, "receipt: a check that does not read")
    return Check(value[0], value[1], value[2], value[3], bool(value[4]))
