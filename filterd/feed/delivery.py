"""Bringing things to the hub: the request, and what its answer means. Sans-io.

Everything that is sent has an id, so that sending it again, after an answer that got lost, changes
nothing. The answer decides; whatever is not clearly taken or clearly refused is tried again.
"""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from urllib.parse import urlsplit

import zstandard
from securesystemslib.signer import Signer

from filterd.feed.request import WINDOW, signed_headers

RECEIPTS = 64  # in one request
FIRST_RETRY = 1.0  # seconds
LAST_RETRY = 300.0
LONGEST_WAIT = 3600.0  # that a hub may ask for
TAKES = "filterd-takes"  # header of an answer: the lanes, apart by spaces
_LEVEL = 9  # of zstd: small is what counts on these lines


class Fate(StrEnum):
    """What is to be done with what was sent."""

    TAKEN = "taken"
    REFUSED = "refused"  # never again: set it aside
    LATER = "later"
    UNKNOWN_NODE = "unknown-node"  # later too, and a person has to enrol this node


@dataclass(frozen=True, slots=True)
class Outcome:
    """`why` is for people, "" if it was taken; `wait`: seconds that the hub asked for; `takes`:
    lanes that it says it takes, of those that not every hub does.
    """

    fate: Fate
    why: str = ""
    wait: float | None = None
    takes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Parcel:
    """A request: what is sent where."""

    url: str
    content: bytes
    headers: Mapping[str, str]


def parcel(url: str, body: bytes, signer: Signer, at: int) -> Parcel:
    """Return the signed request that brings `body` (canonical JSON) to `url` at unix time `at`."""
    content = zstandard.ZstdCompressor(level=_LEVEL).compress(body)
    signed = signed_headers("POST", urlsplit(url).path, content, signer, at)
    kind = {"Content-Type": "application/json", "Content-Encoding": "zstd"}
    return Parcel(url, content, kind | signed)


def outcome(status: int, headers: Mapping[str, str], body: bytes, now: float) -> Outcome:
    """Return what an answer means; `headers` with lower-case names, `now` in unix seconds."""
    if status in {200, 201, 204}:
        return Outcome(Fate.TAKEN, takes=frozenset(headers.get(TAKES, "").split()))
    why = f"the hub says {status}: {_detail(body)}".removesuffix(": ")
    ahead = _ahead(headers, now)
    if status in {401, 422} and ahead is not None and abs(ahead) > WINDOW:
        # What was made by a wrong clock is good when the clock is.
        off = f"this machine's clock is {abs(ahead):.0f} s {'fast' if ahead > 0 else 'slow'}"
        return Outcome(Fate.LATER, f"{off}; set it. {why}")
    if status == 401:
        return Outcome(Fate.UNKNOWN_NODE, f"not enrolled: `filterd feed enrol CODE`. {why}")
    if status in {409, 413, 422}:
        return Outcome(Fate.REFUSED, why)
    return Outcome(Fate.LATER, why, _retry_after(headers.get("retry-after", ""), now))


def pause(failures: int, asked: float | None, rng: random.Random) -> float:
    """Return the seconds to wait after so many failures in a row: twice as long each time, anything
    from half of it on, so that not all nodes come back at once; never less than was `asked` for.
    """
    limit = min(LAST_RETRY, FIRST_RETRY * (1 << min(failures, 20)))
    return max(limit * rng.uniform(0.5, 1.0), (asked or 0.0) * rng.uniform(1.0, 1.2))


def _detail(body: bytes) -> str:
    """Return the `detail` of a problem document (RFC 9457), a part of it."""
    try:
        value = json.loads(body[:16_384])
    except (ValueError, RecursionError):
        return ""
    detail = value.get("detail") if isinstance(value, dict) else None
    text = detail if isinstance(detail, str) else ""
    return "".join(each if each.isprintable() else " " for each in text[:300])


def _retry_after(text: str, now: float) -> float | None:
    """Return the seconds that Retry-After asks for (RFC 9110 section 10.2.3)."""
    if text.isascii() and text.isdigit():
        return min(LONGEST_WAIT, float(text[:9]))
    at = _date(text)
    return None if at is None else min(LONGEST_WAIT, max(0.0, at - now))


def _ahead(headers: Mapping[str, str], now: float) -> float | None:
    at = _date(headers.get("date", ""))
    return None if at is None else now - at


def _date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
