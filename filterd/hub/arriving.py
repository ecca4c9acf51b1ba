"""What nodes send, read and looked at before any of it is stored. Pure: values in, values out.

A database is told only what it can hold and a person can read: numbers within 53 bits, printable
text, times that have been.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from filterd.feed.canonical import canonical
from filterd.feed.envelope import unseal
from filterd.feed.receipt import Earlier, Receipt, read_receipt
from filterd.feed.refusal import Fault, Refused
from filterd.model.errors import InvalidName
from filterd.model.name import ascii_name
from filterd.model.order import PublicKey
from filterd.report.batch import FIELDS, Batch, read_batch

Json = Any
AHEAD = 300_000  # milliseconds that a node's clock may be ahead
KEPT = 390 * 86_400_000  # milliseconds; before a month's counts are summed up (`retention.py`)
MOST_RECEIPTS = 64  # in one request
_MOST = 2**53
_SOFTWARE = 200  # characters


class What(StrEnum):
    """What a node sends."""

    RECEIPTS = "receipts"  # a list of sealed receipts
    BATCH = "batch"  # a sealed batch


@dataclass(frozen=True, slots=True)
class Arrived:
    """Something as `node` sent it, at `at_ms` by the hub's clock; nobody has looked at it yet.
    `skew`: seconds that the node's clock was ahead then, where that is to be noted.
    """

    what: What
    node: str
    value: Json
    at_ms: int
    skew: int | None = None


@dataclass(frozen=True, slots=True)
class ReceivedReceipt:
    """A receipt whose signature holds, its bytes as they were signed, and when it arrived.

    `within`: it is an earlier one that the receipt of that size tells of; `body`, hashes and checks
    are those of that one.
    """

    receipt: Receipt
    body: bytes
    at_ms: int
    within: int | None = None

    @property
    def id(self) -> tuple[str, int]:
        """What is taken once."""
        return self.receipt.node, self.receipt.size


@dataclass(frozen=True, slots=True)
class ReceivedBatch:
    """A batch whose signature holds. `digest`: of its sealed bytes, which the next one names."""

    batch: Batch
    digest: bytes
    at_ms: int

    @property
    def id(self) -> tuple[str, int, int]:
        """What is taken once."""
        return self.batch.node, self.batch.epoch, self.batch.sequence


def received_receipts(
    values: Sequence[Json], key: PublicKey, now_ms: int
) -> tuple[ReceivedReceipt, ...]:
    """Read receipts that the node with `key` has signed.

    Raises:
        Refused: MALFORMED, UNSIGNED, TOO_LARGE (too many), or MIXED (from the future, or another
            node's).
    """
    if len(values) > MOST_RECEIPTS:
        raise Refused(Fault.TOO_LARGE, f"more than {MOST_RECEIPTS} receipts at once")
    found = [_receipt(value, key, now_ms) for value in values]
    if sum(1 + len(each.receipt.earlier) for each in found) > MOST_RECEIPTS:
        raise Refused(Fault.TOO_LARGE, f"more than {MOST_RECEIPTS} receipts at once")
    return tuple(one for each in found for one in (*_earlier(each), each))


def received_batch(value: Json, key: PublicKey, now_ms: int) -> ReceivedBatch:
    """Read a batch that the node with `key` has sealed.

    Raises:
        Refused: MALFORMED, UNSIGNED, or MIXED (from the future, too old to be kept, or another
            node's).
    """
    plain = unseal("batch", value, key, FIELDS)
    try:
        batch = read_batch(plain)
    except ValueError as error:
        raise Refused(Fault.MALFORMED, f"batch: {error}") from error
    _check_sender(batch.node, key)
    ends = [row.bucket for row in batch.rows] + [each.day for each in batch.candidates]
    for second in (batch.made_at, *ends):
        _check_past("batch", second * 1000, now_ms)
    if ends and min(ends) * 1000 < now_ms - KEPT:
        raise Refused(Fault.MIXED, "batch: counts older than what is kept here, a year and a month")
    for each in batch.candidates:
        _check_name(each.domain)
    return ReceivedBatch(batch, hashlib.sha256(canonical(value)).digest(), now_ms)


def _receipt(value: Json, key: PublicKey, now_ms: int) -> ReceivedReceipt:
    receipt = read_receipt(value, key)
    _check_sender(receipt.node, key)
    several: tuple[Receipt | Earlier, ...] = (receipt, *receipt.earlier)
    times = [at for each in several for at in (each.received_at, each.applied_at, each.observed_at)]
    due = tuple(each.due_at for each in receipt.checks)
    seen = tuple(each.seen_at for each in receipt.checks)
    for number in (*(each.size for each in several), receipt.refused, *times, *due, *seen):
        if not 0 <= number < _MOST:
            raise Refused(Fault.MALFORMED, f"receipt: not a number that can be: {number}")
    for at in (*times, *seen):
        _check_past("receipt", at, now_ms)
    for words in (receipt.software, *(each.subject for each in receipt.checks)):
        if not (0 < len(words) <= max(_SOFTWARE, 255) and words.isprintable()):
            raise Refused(Fault.MALFORMED, "receipt: a text that is empty, long or unprintable")
    if len(receipt.root) != 32 or len(receipt.state) != 32:
        raise Refused(Fault.MALFORMED, "receipt: a hash that is none")
    return ReceivedReceipt(receipt, canonical(value), now_ms)


def _earlier(received: ReceivedReceipt) -> Iterator[ReceivedReceipt]:
    whole = received.receipt
    for each in whole.earlier:
        one = replace(
            whole,
            size=each.size,
            received_at=each.received_at,
            applied_at=each.applied_at,
            observed_at=each.observed_at,
            checks=(),
            earlier=(),
        )
        yield replace(received, receipt=one, within=whole.size)


def _check_sender(node: str, key: PublicKey) -> None:
    if node != key.id:
        raise Refused(Fault.MIXED, "this is another node's; each sends its own")


def _check_past(what: str, at_ms: int, now_ms: int) -> None:
    if at_ms > now_ms + AHEAD:
        ahead = (at_ms - now_ms) // 1000
        raise Refused(Fault.MIXED, f"{what}: dated {ahead} s from now; look at the clock first")


def _check_name(domain: str) -> None:
    try:
        good = ascii_name(domain) == domain
    except InvalidName:
        good = False
    if not good:
        raise Refused(Fault.MALFORMED, f"batch: not a name as names are spelled: {domain[:60]!r}")
