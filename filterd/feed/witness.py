"""Witnesses: others who have seen the log grow and sign that they have (C2SP tlog-cosignature).

A witness follows a log as a node does, and cosigns a checkpoint only if it continues the last one
it cosigned. With enough of them, the log's keeper cannot show one history here and another there.
How many nodes demand stands in the signed policy.
"""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from securesystemslib.signer import Signer

from filterd.feed.checkpoint import split_note
from filterd.feed.keys import public_key, sign, verifies
from filterd.feed.refusal import Fault, Refused
from filterd.model.order import PublicKey, Signature

COSIGNATURE = b"\x04"  # the algorithm's number in a key hash
_STAMP = 8  # octets of the time in a cosignature


@dataclass(frozen=True, slots=True)
class Witness:
    """Who cosigns, by which name, with which Ed25519 key."""

    name: str
    key: PublicKey


def cosign(note: bytes, name: str, signer: Signer, at: int) -> bytes:
    """Return a note with the cosignature of witness `name`, made at unix time `at`, in place of an
    earlier one. What it says must have been checked before.

    Raises:
        Refused: MALFORMED or TOO_LARGE.
    """
    text, _ = split_note(note)
    key = public_key(signer)
    made = sign(signer, _cosigned(text, at))
    stamp = at.to_bytes(_STAMP, "big")
    raw = _key_hash(Witness(name, key)) + stamp + bytes.fromhex(made.value)
    line = f"\u2014 {name} {base64.b64encode(raw).decode()}\n"
    kept = _lines(note, without=Witness(name, key))
    return f"{text}\n{''.join(kept)}{line}".encode()


def add_cosignatures(note: bytes, other: bytes, witnesses: Iterable[Witness]) -> bytes:
    """Return `note` with what `witnesses` have signed on another copy of the same checkpoint.

    Raises:
        Refused: MALFORMED, TOO_LARGE, or MIXED if it is another checkpoint.
    """
    text, _ = split_note(note)
    if split_note(other)[0] != text:
        raise Refused(Fault.MIXED, "cosigned was another checkpoint; let it be witnessed anew")
    for witness in witnesses:
        made, known = cosigned_at(other, witness), cosigned_at(note, witness)
        if made is None or (known is not None and known >= made):
            continue
        rest = _lines(other, without=witness)
        own = [line for line in _lines(other) if line not in rest]
        note = f"{text}\n{''.join(_lines(note, without=witness))}{own[-1]}".encode()
    return note


def cosigned_at(note: bytes, witness: Witness) -> int | None:
    """Return when a witness cosigned, in unix seconds; None: it did not."""
    text, signatures = split_note(note)
    known = _key_hash(witness)
    for name, hint, raw in signatures:
        if (name, hint) != (witness.name, known) or len(raw) <= _STAMP:
            continue
        at = int.from_bytes(raw[:_STAMP], "big")
        signature = Signature(witness.key.id, raw[_STAMP:].hex())
        if verifies(witness.key, signature, _cosigned(text, at)):
            return at
    return None


def check_cosigned(note: bytes, witnesses: Iterable[Witness], least: int) -> None:
    """Refused (UNWITNESSED) unless `least` of the witnesses have cosigned."""
    if least == 0:
        return
    found = sum(cosigned_at(note, each) is not None for each in witnesses)
    if found < least:
        why = f"checkpoint: cosigned by {found} of {least} witnesses"
        raise Refused(Fault.UNWITNESSED, f"{why}; `filterd feed witness` cosigns")


def _cosigned(text: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{text}".encode()


def _key_hash(witness: Witness) -> bytes:
    public = bytes.fromhex(witness.key.public)
    return hashlib.sha256(witness.name.encode() + b"\n" + COSIGNATURE + public).digest()[:4]


def _lines(note: bytes, without: Witness | None = None) -> list[str]:
    """Return the signature lines of a note, without those that bear a witness's name and key."""
    _, signatures = split_note(note)
    lines = note.decode().rpartition("\n\n")[2].splitlines(keepends=True)
    known = None if without is None else (without.name, _key_hash(without))
    return [
        line for line, each in zip(lines, signatures, strict=True) if (each[0], each[1]) != known
    ]
