"""Queries made hard to guess, answers held against them: bytes only, no I/O, no objects per record.

A query goes out with a random id and, over UDP, random letter case in its name (0x20 bits). An
answer is taken only if id, opcode and question agree, and goes on with id 0 and the question
spelled as it was asked, so nobody above sees either trick.
"""

from enum import IntEnum
from typing import Protocol

from filterd.model.errors import UpstreamError

HEADER = 12
_QR = 0x80
_OPCODE = 0x78
_TC = 0x02
_PLAIN_UDP = 512  # RFC 1035 section 2.3.4
_LARGEST = 65_535
_OPT = b"\x00\x00\x29"
PADDING = 12  # EDNS option, RFC 7830


class QueryError(UpstreamError, ValueError):
    """What should be sent is no DNS query with one question."""


class Bits(Protocol):
    """A source of random bits: `Entropy`, or any random.Random."""

    def getrandbits(self, k: int, /) -> int:
        """Return an integer of `k` random bits."""
        ...


class Fit(IntEnum):
    """How an answer fits what was asked."""

    ALIEN = 0  # another question
    CASE = 1  # the same but for letter case
    EXACT = 2


class Expected:
    """What an answer must carry. `limit` is the size in octets that the query allows over UDP."""

    __slots__ = ("id", "limit", "mixed", "original", "question")

    def __init__(
        self,
        id_: bytes,
        question: bytes,
        original: bytes,
        limit: int,
        mixed: bool,  # noqa: FBT001 - a keyword costs time on the hottest path here
    ) -> None:
        self.id = id_
        self.question = question
        self.original = original
        self.mixed = mixed
        self.limit = limit


def question_end(message: bytes) -> int:
    """Return where the first question ends. Raises QueryError."""
    at = HEADER
    size = len(message)
    while at < size:
        length = message[at]
        at += 1
        if not length:
            at += 4
            if at > size:
                break
            return at
        if length > 63:
            break
        at += length
    raise QueryError("the query has no whole question")


def prepare(query: bytes, rng: Bits, *, mix: bool = True) -> tuple[bytes, Expected]:
    """Return the wire to send and what to expect back. `mix`: with 0x20 case.

    Raises:
        QueryError: the query is not one question after a header.
    """
    end = question_end(query)
    original = query[HEADER:end]
    width = end - HEADER - 4
    limit = _PLAIN_UDP
    if query.startswith(_OPT, end) and len(query) > end + 4:
        advertised = query[end + 3] << 8 | query[end + 4]
        limit = max(limit, advertised)
    if mix:
        # Lengths are below 64 and so never letters: lower() and upper() leave them alone.
        name = original[:-4]
        lower = int.from_bytes(name.lower(), "big")
        letters = lower ^ int.from_bytes(name.upper(), "big")
        bits = rng.getrandbits(16 + 8 * width)
        mixed = (lower ^ (letters & (bits >> 16))).to_bytes(width, "big")
        question = mixed + original[-4:]
        id_ = (bits & 0xFFFF).to_bytes(2, "big")
    else:
        question = original
        id_ = rng.getrandbits(16).to_bytes(2, "big")
    wire = b"".join((id_, query[2:HEADER], question, query[end:]))
    return wire, Expected(id_, question, original, limit, mix)


def expected_as_is(query: bytes) -> Expected:
    """Return what to expect back for a query that goes out unchanged. Raises QueryError."""
    question = query[HEADER : question_end(query)]
    return Expected(query[:2], question, question, _LARGEST, False)


def fits(expected: Expected, answer: bytes) -> Fit:
    """Say how `answer` fits; its id is compared too."""
    if (
        len(answer) < HEADER
        or answer[:2] != expected.id
        or not answer[2] & _QR
        or answer[2] & _OPCODE
        or answer[4:6] != b"\x00\x01"
    ):
        return Fit.ALIEN
    question = expected.question
    seen = answer[HEADER : HEADER + len(question)]
    if seen == question:
        return Fit.EXACT
    if seen[-4:] == question[-4:] and seen[:-4].lower() == question[:-4].lower():
        return Fit.CASE
    return Fit.ALIEN


def restored(expected: Expected, answer: bytes) -> bytes:
    """Return a fitting answer with id 0 and the question as it was asked."""
    original = expected.original
    return b"".join((b"\x00\x00", answer[2:HEADER], original, answer[HEADER + len(original) :]))


def is_response(message: bytes) -> bool:
    """Say whether this can be a DNS response at all."""
    return len(message) >= HEADER and bool(message[2] & _QR)


def truncated(answer: bytes) -> bool:
    """Say whether the TC bit is set."""
    return bool(answer[2] & _TC)


def rcode(answer: bytes) -> int:
    """Return the four rcode bits of the header."""
    return answer[3] & 0x0F


def padded(query: bytes, block: int = 128) -> bytes:
    """Return `query` padded to a multiple of `block` octets (RFC 8467 section 4.1), so that an
    encrypted query does not show the length of its name. Without an OPT as the last record, or
    with padding in it already, the query comes back as it is.
    """
    end = question_end(query)
    size = len(query)
    if query[6:HEADER] != b"\x00\x00\x00\x00\x00\x01" or query[end : end + 3] != _OPT:
        return query
    options = end + 11
    length = int.from_bytes(query[end + 9 : options], "big")
    if options + length != size or _has_option(query[options:], PADDING):
        return query
    fill = -(size + 4) % block
    return b"".join(
        (
            query[: end + 9],
            (length + 4 + fill).to_bytes(2, "big"),
            query[options:],
            PADDING.to_bytes(2, "big"),
            fill.to_bytes(2, "big"),
            bytes(fill),
        )
    )


def _has_option(options: bytes, code: int) -> bool:
    at = 0
    while at + 4 <= len(options):
        if int.from_bytes(options[at : at + 2], "big") == code:
            return True
        at += 4 + int.from_bytes(options[at + 2 : at + 4], "big")
    return False
