"""What a client is sent in the place of a page: the one place that makes it.

451 (RFC 7725) where an order demands it, 403 (RFC 9110 section 15.5.4) for everything else; never
kept by a cache, since what is blocked here and now need not be elsewhere or later.
"""

from dataclasses import dataclass

from filterd.http.words import Verdict, Why

_WORDS = {
    Why.NAMELESS: "an address without a name",
    Why.BAD_NAME: "a name that is none",
    Why.BAD_URL: "an address that can be read in two ways",
    Why.PORT: "a port that is not for the web",
    Why.NO_RULES: "the filter has no rules yet",
    Why.ANSWER: "the school's DNS refuses this name",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response."""

    status: int
    phrase: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


def answer(verdict: Verdict) -> Answer:
    """Return the answer to a request that is blocked by `verdict`."""
    reason = verdict.reason
    ordered = reason is not None and reason.mandatory
    status, phrase = (451, "Unavailable For Legal Reasons") if ordered else (403, "Forbidden")
    lines = ["Blocked by the filter of this network."]
    if reason is not None and reason.list:
        lines.append(f"rule: {reason.list}" + (f" {reason.order}" if reason.order else ""))
    if verdict.why in _WORDS:
        lines.append(f"why: {_WORDS[verdict.why]}")
    body = ("\n".join(lines) + "\n").encode()
    headers = (
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("Connection", "close"),
    )
    return Answer(status, phrase, headers, body)
