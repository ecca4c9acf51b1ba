"""Receipts that waited for each other leave as few: one signature over the times of many.

Of receipts that differ in nothing but size, hashes and times the newest says what is in force, and
when the others were seen. Its root is that of a tree that theirs grew into, which can be proved
(RFC 9162 section 2.1.4), so nothing is lost. Each was signed when it was seen, and waits on disk
until the one that speaks for it has arrived.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from securesystemslib.signer import Signer

from filterd.feed.keys import public_key
from filterd.feed.receipt import (
    MOST_CHECKS,
    MOST_EARLIER,
    Earlier,
    Receipt,
    read_receipt,
    sign_receipt,
)
from filterd.feed.refusal import Refused

Json = Any


def gathered(sealed: Iterable[Json], signer: Signer) -> list[Json]:
    """Return sealed receipts that say what `sealed`, the `signer`'s in the order of their sizes,
    say; as few as can be. One that is damaged, or another's, is returned as it is.
    """
    key = public_key(signer)
    runs: list[tuple[list[Receipt], Json]] = []  # and the last of each as it was sealed
    for value in sealed:
        try:
            receipt = read_receipt(value, key)
        except Refused:
            runs.append(([], value))
            continue
        if runs and _joins(runs[-1][0], receipt):
            runs[-1] = ([*runs[-1][0], receipt], value)
        else:
            runs.append(([receipt], value))
    return [last if len(run) < 2 else sign_receipt(_one(run), signer) for run, last in runs]


def _joins(run: Sequence[Receipt], receipt: Receipt) -> bool:
    if not 0 < len(run) <= MOST_EARLIER or receipt.earlier or run[-1].earlier:
        return False
    if sum(len(each.checks) for each in (*run, receipt)) > MOST_CHECKS:
        return False
    return _rest(receipt) == _rest(run[-1]) and receipt.size > run[-1].size


def _rest(receipt: Receipt) -> tuple[object, ...]:
    return receipt.node, receipt.refused, receipt.software, receipt.held


def _one(run: Sequence[Receipt]) -> Receipt:
    *before, last = run
    return replace(
        last,
        checks=tuple(check for each in run for check in each.checks),
        earlier=tuple(
            Earlier(each.size, each.received_at, each.applied_at, each.observed_at)
            for each in before
        ),
    )
