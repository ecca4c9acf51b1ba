"""A signed thing on its way: what it says, with which key, and its signature."""

from collections.abc import Mapping
from typing import Any

from securesystemslib.signer import Signer

from filterd.feed.canonical import fields, to_sign
from filterd.feed.keys import sign, verifies
from filterd.feed.refusal import Fault, Refused
from filterd.model.order import PublicKey, Signature

Json = Any
Known = Mapping[str, type | tuple[type, ...]]


def seal(kind: str, plain: Json, signer: Signer) -> dict[str, Json]:
    """Return `plain`, a thing of `kind`, with its signature, as it is sent."""
    made = sign(signer, to_sign(kind, plain))
    return {kind: plain, "key": made.key, "signature": made.value}


def unseal(kind: str, value: Json, key: PublicKey, known: Known) -> dict[str, Json]:
    """Return what was sealed with `key`; it has exactly the fields that are `known`.

    Raises:
        Refused: MALFORMED or UNSIGNED.
    """
    parts = fields(value, {kind: dict, "key": str, "signature": str}, kind)
    signature = Signature(parts["key"], parts["signature"])
    plain = fields(parts[kind], known, kind)
    try:
        data = to_sign(kind, plain)
    except ValueError as error:
        raise Refused(Fault.MALFORMED, f"{kind}: {error}") from error
    if not verifies(key, signature, data):
        raise Refused(Fault.UNSIGNED, f"{kind}: not signed by this node")
    return plain
