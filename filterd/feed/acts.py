"""Acts as JSON and back. Strict both ways: what is not known is refused, not ignored, because
somebody signed it and meant something by it.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from filterd.feed.canonical import fields
from filterd.feed.refusal import Fault, Refused
from filterd.model.errors import InvalidName
from filterd.model.name import ascii_name
from filterd.model.order import (
    Act,
    Confirmation,
    Effect,
    Match,
    Order,
    Pattern,
    Priority,
    Revocation,
    Signature,
    SignedAct,
    Sunset,
)

Json = Any
Word = TypeVar("Word", bound=StrEnum)
MOST_SIGNATURES = 16
_OLDEST = 120  # as `min_age`; above every pupil
_LATEST = 1 << 40  # unix seconds; far beyond any order
_TEXT = 400  # characters of a reference, a reason
# One word, and no slash: people and files write an order as `authority/id`.
_ID = re.compile(r"[!-.0-~]{1,100}")
_ORDER: Mapping[str, type | tuple[type, ...]] = {
    "id": str,
    "authority": str,
    "reference": str,
    "legal_basis": str,
    "category": str,
    "effect": str,
    "patterns": list,
    "not_before": int,
    "not_after": int,
    "sunset": str,
    "priority": str,
    "min_age": (int, type(None)),
}
_WORD_ON: Mapping[str, type | tuple[type, ...]] = {
    "order": str,
    "authority": str,
    "reason": str,
    "at": int,
}
_KINDS: Mapping[str, type[Act]] = {
    "order": Order,
    "revoke": Revocation,
    "confirm": Confirmation,
}


def kind_of(act: Act) -> str:
    """Return the word that an act is signed under: order, revoke or confirm."""
    return next(word for word, kind in _KINDS.items() if isinstance(act, kind))


def act_json(act: Act) -> dict[str, Json]:
    """Return an act as it is signed."""
    if not isinstance(act, Order):
        return {name: getattr(act, name) for name in _WORD_ON}
    plain = {name: getattr(act, name) for name in _ORDER if name != "patterns"}
    return {**plain, "patterns": [[each.match.value, each.text] for each in act.patterns]}


def signed_json(signed: SignedAct) -> dict[str, Json]:
    """Return an act with its signatures."""
    return {
        "kind": kind_of(signed.act),
        "act": act_json(signed.act),
        "signatures": [[each.key, each.value, each.at] for each in signed.signatures],
    }


def read_signed(value: Json) -> SignedAct:
    """Read what `signed_json` writes.

    Raises:
        Refused: MALFORMED.
    """
    parts = fields(value, {"kind": str, "act": dict, "signatures": list}, "signed act")
    if len(parts["signatures"]) > MOST_SIGNATURES:
        raise Refused(Fault.MALFORMED, f"more than {MOST_SIGNATURES} signatures")
    signatures = tuple(map(_signature, parts["signatures"]))
    return SignedAct(read_act(parts["kind"], parts["act"]), signatures)


def read_act(kind: str, value: Json) -> Act:
    """Read an act of `kind`.

    Raises:
        Refused: MALFORMED.
    """
    made = _KINDS.get(kind)
    if made is None:
        raise Refused(Fault.MALFORMED, f"not a kind of act: {kind[:40]!r}")
    known = _ORDER if made is Order else _WORD_ON
    parts = dict(fields(value, known, kind))
    for name, text in parts.items():
        if isinstance(text, str) and not (0 < len(text) <= _TEXT and text.isprintable()):
            raise Refused(Fault.MALFORMED, f"{kind}: {name} is empty, too long or unprintable")
    ident = parts["id" if made is Order else "order"]
    if _ID.fullmatch(ident) is None:
        why = "an id is one word of ASCII without a slash, 100 characters at most"
        raise Refused(Fault.MALFORMED, f"{kind}: {ident[:40]!r}: {why}")
    if made is not Order:
        return made(**parts)
    age = parts["min_age"]
    if age is not None and not 0 < age <= _OLDEST:
        raise Refused(Fault.MALFORMED, f"order: min_age is 1 to {_OLDEST}")
    return Order(
        **{
            **parts,
            "effect": _word(Effect, parts["effect"]),
            "sunset": _word(Sunset, parts["sunset"]),
            "priority": _word(Priority, parts["priority"]),
            "patterns": tuple(_pattern(each) for each in parts["patterns"]),
        }
    )


def read_pattern(match: str, text: str) -> Pattern:
    """Return a pattern in the one spelling of its text.

    Raises:
        Refused: MALFORMED.
    """
    kind = _word(Match, match)
    host, slash, path = text.partition("/")
    try:
        name = ascii_name(host)
    except InvalidName as error:
        raise Refused(Fault.MALFORMED, f"pattern: {error}") from error
    if not name:
        raise Refused(Fault.MALFORMED, "pattern: no name")
    if bool(slash) is not (kind is Match.URL):
        raise Refused(Fault.MALFORMED, f"pattern: {text[:80]!r} is no {kind.value}")
    if len(path) > 2000 or not (path.isascii() and path.isprintable()) or " " in path:
        raise Refused(
            Fault.MALFORMED, "pattern: a path is ASCII, escaped, 2,000 characters at most"
        )
    return Pattern(kind, f"{name}{slash}{path}")


def _pattern(value: Json) -> Pattern:
    match, text = _pair(value, "pattern")
    pattern = read_pattern(match, text)
    if pattern.text != text:
        raise Refused(Fault.MALFORMED, f"pattern: {text[:80]!r} is spelled {pattern.text[:80]!r}")
    return pattern


def _signature(value: Json) -> Signature:
    good = isinstance(value, list) and [type(each) for each in value] == [str, str, int]
    if not good or not 0 < value[2] < _LATEST:
        raise Refused(Fault.MALFORMED, "signature: not a key, a value and when it was made")
    return Signature(*value)


def _pair(value: Json, what: str) -> tuple[str, str]:
    if isinstance(value, list) and len(value) == 2 and all(isinstance(v, str) for v in value):
        return value[0], value[1]
    raise Refused(Fault.MALFORMED, f"{what}: not a pair of words")


def _word(kind: type[Word], text: str) -> Word:
    try:
        return kind(text)
    except ValueError:
        known = ", ".join(each.value for each in kind)
        raise Refused(Fault.MALFORMED, f"{text[:40]!r} is none of {known}") from None
