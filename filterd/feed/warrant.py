"""Whether an act is warranted: signed by enough officers, and within their authority's mandate.

The same on the officer's laptop, at the hub and on every node, so that a stolen key, or a hub that
lies, orders nothing that its mandate does not name. Pure: the time and the registry are handed in.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from securesystemslib.signer import Signer

from filterd.feed.acts import act_json, kind_of
from filterd.feed.canonical import to_sign
from filterd.feed.keys import sign, verifies
from filterd.feed.refusal import Fault, Refused
from filterd.model.name import parents
from filterd.model.order import (
    LONGEST,
    Act,
    Authority,
    Mandate,
    Order,
    Registry,
    Signature,
    SignedAct,
)

LATE = 300  # seconds that a clock may be wrong


@dataclass(frozen=True, slots=True)
class Breadth:
    """What no order may name, handed in by who knows: each says of a name whether it is one."""

    public_suffix: Callable[[str], bool]
    protected: Callable[[str], bool]  # must-not-block, or covers a name that is
    popular: Callable[[str], bool]  # nearly everybody needs it


def signed_bytes(act: Act, at: int) -> bytes:
    """Return the bytes that an officer signs at unix time `at`."""
    return _dated(to_sign(kind_of(act), act_json(act)), at)


def sign_act(signer: Signer, act: Act, at: int) -> Signature:
    """Return an officer's signature of an act, made at unix time `at`."""
    return replace(sign(signer, signed_bytes(act, at)), at=at)


def check_act(signed: SignedAct, registry: Registry, breadth: Breadth, at: int) -> Authority:
    """Return the authority that stands behind an act.

    `at` are the unix seconds of the log entry that carries it: a key that expired since then still
    counts, one that had expired does not.

    Raises:
        Refused: with the first thing that is wrong.
    """
    act = signed.act
    authority = registry.find(act.authority)
    if authority is None:
        raise Refused(Fault.UNKNOWN_AUTHORITY, f"no authority {act.authority!r}")
    check_signatures(signed, authority, at, to_sign(kind_of(act), act_json(act)))
    if isinstance(act, Order):
        check_scope(act, authority.mandate)
        check_breadth(act, breadth)
    return authority


def check_signatures(signed: SignedAct, authority: Authority, at: int, plain: bytes) -> None:
    """Refused (EXPIRED_KEY, MISDATED, UNSIGNED) unless enough different officers have signed
    `plain`, none of them after `at`.
    """
    if at > authority.not_after + LATE:
        raise Refused(Fault.EXPIRED_KEY, f"the keys of {authority.id} ended before it was logged")
    # Of anybody's signature: the newest is taken for the time at which the act was signed.
    if signed.signed_at > at + LATE:
        why = f"a signature is dated {signed.signed_at - at} s after the act was logged"
        raise Refused(Fault.MISDATED, f"{why}; look at the officer's clock and sign again")
    officers = {key.id: key for key in authority.officers}
    officers |= {each.key.id: each.key for each in authority.retired if at <= each.at}
    good = {
        each.key
        for each in signed.signatures
        if (key := officers.get(each.key)) is not None
        and verifies(key, each, _dated(plain, each.at))
    }
    if len(good) < authority.threshold:
        why = f"{len(good)} of {authority.threshold} signatures by officers of {authority.id}"
        raise Refused(Fault.UNSIGNED, why)


def check_signers(signed: SignedAct, authority: Authority) -> None:
    """Refused (UNSIGNED) if one of the signatures is no officer's. For whoever publishes: the
    newest says when the act was signed, and so how prompt everybody was; none may be made up.
    """
    keys = {key.id: key for key in (*authority.officers, *(old.key for old in authority.retired))}
    plain = to_sign(kind_of(signed.act), act_json(signed.act))
    for each in signed.signatures:
        key = keys.get(each.key)
        if key is None or not verifies(key, each, _dated(plain, each.at)):
            why = f"the signature of {each.key[:16]!r} is by no officer of {authority.id}"
            raise Refused(Fault.UNSIGNED, f"{why}; take it off")


def check_scope(order: Order, mandate: Mandate) -> None:
    """Refused (OUT_OF_SCOPE, TOO_MANY, TOO_LONG) unless the mandate covers it."""
    check_words(order, mandate)
    for pattern in order.patterns:
        if mandate.names and mandate.names.isdisjoint(parents(pattern.host)):
            raise outside(pattern.host)
    check_size(order, len(order.patterns), mandate)


def check_words(order: Order, mandate: Mandate) -> None:
    """Refused (OUT_OF_SCOPE) unless basis, category and effect are in the mandate."""
    words = (
        ("legal basis", order.legal_basis, order.legal_basis in mandate.legal_bases),
        ("category", order.category, order.category in mandate.categories),
        ("effect", order.effect.value, order.effect in mandate.effects),
    )
    for what, word, inside in words:
        if not inside:
            raise Refused(Fault.OUT_OF_SCOPE, f"{what} {word!r} is not in its mandate")


def outside(name: str) -> Refused:
    """Return what refuses a name that is not in the mandate's name space."""
    return Refused(Fault.OUT_OF_SCOPE, f"{name} is not in its name space")


def check_size(order: Order, count: int, mandate: Mandate) -> None:
    """Refused (TOO_MANY, TOO_LONG) unless `count` patterns, and its time, are in the mandate."""
    if not 0 < count <= mandate.per_order:
        why = f"{count} patterns, 1 to {mandate.per_order} are allowed"
        raise Refused(Fault.TOO_MANY, why)
    longest = LONGEST[order.sunset]
    if not 0 < order.not_after - order.not_before <= longest:
        days = longest // 86_400
        why = f"an order of kind {order.sunset.value} ends within {days} days of its beginning"
        raise Refused(Fault.TOO_LONG, why)


def check_breadth(order: Order, breadth: Breadth) -> None:
    """Refused (TOO_BROAD) if a pattern would hit far more than anybody can have meant."""
    for pattern in order.patterns:
        name = pattern.host
        if breadth.public_suffix(name):
            raise too_broad(name, "suffix")
        if breadth.protected(name):
            raise too_broad(name, "protected")
        if "/" not in pattern.text and breadth.popular(name):
            raise too_broad(name, "popular")


def too_broad(name: str, why: str) -> Refused:
    """Return what refuses `name`: suffix, protected or popular."""
    return Refused(Fault.TOO_BROAD, _TOO_BROAD[why].format(name))


def _dated(plain: bytes, at: int) -> bytes:
    """JSON in its one spelling has no line end in it, so nothing else reads as this."""
    return plain + f"\nat {at}\n".encode()


_TOO_BROAD = {
    "suffix": "{} is a public suffix, with everybody under it",
    "protected": "{} is protected, or has protected names under it",
    "popular": "nearly everybody needs {}",
}
