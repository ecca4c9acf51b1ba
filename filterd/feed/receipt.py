"""Receipts: a node's signed word that it enforces the log up to a position.

One is signed only after the newest segment's canary was really answered "blocked" through the
node's own socket, so it says "enforced", not "downloaded".
"""

from dataclasses import dataclass
from typing import Any

from securesystemslib.signer import Signer

from filterd.feed.canonical import fields, to_sign
from filterd.feed.keys import sign, verifies
from filterd.feed.refusal import Fault, Refused
from filterd.model.order import PublicKey, Signature

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
}


@dataclass(frozen=True, slots=True)
class Receipt:
    """`size`, `root` and `state` are those of the checkpoint; times are unix milliseconds, by the
    node's clock: received, applied, and seen blocked. `refused`: how many orders of the ledger the
    node does not enforce.
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


def receipt_json(receipt: Receipt) -> dict[str, Json]:
    """Return a receipt as it is signed."""
    plain = {name: getattr(receipt, name) for name in _KNOWN}
    return {**plain, "root": receipt.root.hex(), "state": receipt.state.hex()}


def sign_receipt(receipt: Receipt, signer: Signer) -> dict[str, Json]:
    """Return a receipt with its signature, as it is sent."""
    plain = receipt_json(receipt)
    made = sign(signer, to_sign("receipt", plain))
    return {"receipt": plain, "key": made.key, "signature": made.value}


def read_receipt(value: Json, key: PublicKey) -> Receipt:
    """Read what `sign_receipt` writes, of the node whose key it is.

    Raises:
        Refused: MALFORMED or UNSIGNED.
    """
    parts = fields(value, {"receipt": dict, "key": str, "signature": str}, "receipt")
    plain = fields(parts["receipt"], _KNOWN, "receipt")
    signature = Signature(parts["key"], parts["signature"])
    if not verifies(key, signature, to_sign("receipt", plain)):
        raise Refused(Fault.UNSIGNED, "receipt: not signed by this node")
    try:
        root, state = bytes.fromhex(plain["root"]), bytes.fromhex(plain["state"])
    except ValueError as error:
        raise Refused(Fault.MALFORMED, "receipt: a hash that is none") from error
    return Receipt(**{**plain, "root": root, "state": state})
