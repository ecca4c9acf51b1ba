"""Receipts: a node's signed word that it enforces the log up to a position.

One is signed only after the newest segment's canary was really answered "blocked" through the
node's own socket, so it says "enforced", not "downloaded". Those that can wait leave as one: the
newest, with the times of the others (`gathering.py`).
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
    "earlier": list,
}
MOST_HELD = 256
KINDS = frozenset({"expiry", "open"})
MOST_CHECKS = 64
MOST_EARLIER = 63


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
class Earlier:
    """When the log up to a smaller `size` was received, applied and seen blocked, in unix
    milliseconds by the node's clock. All else was then as the receipt says.
    """

    size: int
    received_at: int
    applied_at: int
    observed_at: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """`size`, `root` and `state` are those of the checkpoint; times are unix milliseconds, by the
    node's clock: received, applied, and seen blocked. `refused`: how many orders of the ledger the
    node does not enforce.

    `held` are segments with an order that is not enforced yet: it waits for its turn in a staged
    roll-out, or is held back until it is confirmed. A receipt speaks of all others below `size`.
    `earlier`: by their sizes.
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
    earlier: tuple[Earlier, ...] = ()


def receipt_json(receipt: Receipt) -> dict[str, Json]:
    """Return a receipt as it is signed."""
    plain = {name: getattr(receipt, name) for name in _KNOWN}
    return {
        **plain,
        "root": receipt.root.hex(),
        "state": receipt.state.hex(),
        "held": list(receipt.held),
        "checks": [[c.kind, c.subject, c.due_at, c.seen_at, int(c.good)] for c in receipt.checks],
        # After the first, times as what was added to the one before: most are a few milliseconds.
        "earlier": [
            [e.size, e.received_at, e.applied_at - e.received_at, e.observed_at - e.applied_at]
            for e in receipt.earlier
        ],
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
    earlier = tuple(map(_earlier, plain["earlier"]))
    sizes = [each.size for each in earlier] + [plain["size"]]
    if len(sizes) > MOST_EARLIER + 1 or sizes != sorted(set(sizes)):
        raise Refused(Fault.MALFORMED, "receipt: earlier sizes do not rise to its own")
    held = tuple(plain["held"])
    if len(held) > MOST_HELD or not all(type(n) is int and 0 <= n < sizes[0] for n in held):
        raise Refused(Fault.MALFORMED, "receipt: segments that are held do not read")
    given = {"root": root, "state": state, "checks": checks, "held": held, "earlier": earlier}
    return Receipt(**{**plain, **given})


def _earlier(value: Json) -> Earlier:
    if not isinstance(value, list) or [type(each) for each in value] != [int] * 4:
        raise Refused(Fault.MALFORMED, "receipt: times of an earlier one that do not read")
    size, received_at, until_applied, until_observed = value
    applied_at = received_at + until_applied
    return Earlier(size, received_at, applied_at, applied_at + until_observed)


def _check(value: Json) -> Check:
    kinds = [str, str, int, int, int]
    good = isinstance(value, list) and [type(each) for each in value] == kinds
    if not good or value[0] not in KINDS or value[4] not in (0, 1) or len(value[1]) > 255:
        raise Refused(Fault.MALFORMED, "receipt: a check that does not read")
    return Check(value[0], value[1], value[2], value[3], bool(value[4]))
