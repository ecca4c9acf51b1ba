"""Signed, expiring words that a form or a cookie brings back, so that a worker remembers nothing.

`payload.mac`, both base64url. The MAC (HMAC-SHA-256, 128 bits of it; RFC 2104 allows the cut) is
over purpose, client and payload: a token is good for one purpose and one client, whose address is
signed but not in it. All workers of a node share the key.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass

LONGEST = 4096  # characters
_MAC = 16  # bytes


@dataclass(frozen=True, slots=True)
class Signer:
    """Makes and reads tokens under one key (32 random bytes).

    Raises:
        ValueError: the key is shorter than 16 bytes.
    """

    key: bytes

    def __post_init__(self) -> None:
        if len(self.key) < 16:
            raise ValueError("the key of the block page is shorter than 16 bytes")

    def sign(self, purpose: str, client: str, until: int, facts: Mapping[str, object]) -> str:
        """Return a token with `facts` (JSON values), good before `until` (unix seconds)."""
        text = json.dumps({**facts, "_until": until}, separators=(",", ":"), ensure_ascii=False)
        payload = text.encode("utf-8", "replace")
        return f"{_word(payload)}.{_word(self._mac(purpose, client, payload))}"

    def read(self, purpose: str, client: str, token: str, now: float) -> "Read":
        """Return what a token says, or why it says nothing."""
        if len(token) > LONGEST:
            return Read(problem="forged")
        payload, _, mac = token.partition(".")
        try:
            content, given = _bytes(payload), _bytes(mac)
        except (binascii.Error, ValueError):
            return Read(problem="forged")
        if not hmac.compare_digest(given, self._mac(purpose, client, content)):
            return Read(problem="forged")
        facts = json.loads(content)  # ours: the MAC says so
        if now >= facts.pop("_until"):
            return Read(problem="expired")
        return Read(facts=facts)

    def _mac(self, purpose: str, client: str, payload: bytes) -> bytes:
        parts = (purpose.encode(), client.encode("utf-8", "replace"), payload)
        # Each with its length, so that no two triples run together.
        said = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return hmac.new(self.key, said, hashlib.sha256).digest()[:_MAC]


@dataclass(frozen=True, slots=True)
class Read:
    """`facts`, or a `problem`: "forged" or "expired"."""

    facts: Mapping[str, object] | None = None
    problem: str = ""


def _word(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(word: str) -> bytes:
    padded = word.encode("ascii") + b"=" * (-len(word) % 4)
    return base64.b64decode(padded, altchars=b"-_", validate=True)
