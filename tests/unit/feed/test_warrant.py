from dataclasses import replace

import pytest

from filterd.feed.acts import act_json
from filterd.feed.canonical import to_sign
from filterd.feed.judge import judge
from filterd.feed.keys import sign
from filterd.feed.ledger import Ledger
from filterd.feed.refusal import Fault, Refused
from filterd.feed.warrant import LATE, check_act
from filterd.model.order import (
    Effect,
    Mandate,
    Match,
    Pattern,
    Registry,
    Revocation,
    SignedAct,
    Sunset,
)
from tests.support.ministry import ANYTHING, DAY, NOW, Ministry, order


@pytest.fixture(scope="module")
def ministry():
    return Ministry.new()


def fault_of(ministry, signed, at=NOW, registry=None):
    try:
        check_act(signed, registry or ministry.registry, ANYTHING, at)
    except Refused as refused:
        return refused.fault
    return None


def test_two_officers_are_enough(ministry):
    for pair in ((0, 1), (1, 2), (2, 0), (0, 1, 2)):
        assert fault_of(ministry, ministry.sign(order(), pair)) is None


@pytest.mark.parametrize("officers", [(), (0,), (0, 0), (2, 2, 2)])
def test_one_signature_is_refused_however_often_it_stands_there(ministry, officers):
    assert fault_of(ministry, ministry.sign(order(), officers)) is Fault.UNSIGNED


def test_one_officer_with_two_names_is_one(ministry):
    good = ministry.sign(order(), (0,))
    renamed = replace(good.signatures[0], key=ministry.authority.officers[1].id)
    assert fault_of(ministry, SignedAct(good.act, (*good.signatures, renamed))) is Fault.UNSIGNED


def test_a_signature_over_something_else_is_none(ministry):
    good = ministry.sign(order())
    moved = SignedAct(order("other.example"), good.signatures)
    assert fault_of(ministry, moved) is Fault.UNSIGNED
    elsewhere = to_sign("something else", act_json(good.act)) + f"\nat {NOW}\n".encode()
    lent = tuple(replace(sign(ministry.officers[each], elsewhere), at=NOW) for each in (0, 1))
    assert fault_of(ministry, SignedAct(good.act, lent)) is Fault.UNSIGNED, "of another kind"


def test_when_an_act_was_signed_is_signed_with_it(ministry):
    good = ministry.sign(order(), at=NOW - 60)
    assert good.signed_at == NOW - 60
    redated = SignedAct(good.act, tuple(replace(each, at=NOW) for each in good.signatures))
    assert fault_of(ministry, redated) is Fault.UNSIGNED


def test_an_act_that_was_signed_after_it_was_logged_is_refused(ministry):
    assert fault_of(ministry, ministry.sign(order(), at=NOW + LATE)) is None
    assert fault_of(ministry, ministry.sign(order(), at=NOW + LATE + 1)) is Fault.MISDATED
    good = ministry.sign(order())
    stranger = replace(good.signatures[0], key="0" * 64, at=NOW + LATE + 1)
    told = SignedAct(good.act, (*good.signatures, stranger))
    assert fault_of(ministry, told) is Fault.MISDATED, "nobody may make it look later than it was"


def test_officers_of_another_authority_are_strangers(ministry):
    other = Ministry.new(id="other")
    both = Registry(1, (ministry.authority, other.authority))
    assert fault_of(ministry, other.sign(order()), registry=both) is Fault.UNSIGNED
    nobody = order(authority="nobody")
    assert fault_of(ministry, ministry.sign(nobody)) is Fault.UNKNOWN_AUTHORITY


def test_expired_keys_do_not_count(ministry):
    signed = ministry.sign(order())
    end = ministry.authority.not_after
    assert fault_of(ministry, signed, at=end + LATE) is None
    assert fault_of(ministry, signed, at=end + LATE + 1) is Fault.EXPIRED_KEY


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"legal_basis": "decree-2"}, Fault.OUT_OF_SCOPE),
        ({"category": "news"}, Fault.OUT_OF_SCOPE),
        ({"effect": Effect.ALLOW}, Fault.OUT_OF_SCOPE),
        ({"patterns": ()}, Fault.TOO_MANY),
        ({"not_after": NOW}, Fault.TOO_LONG),
        ({"not_after": NOW - DAY}, Fault.TOO_LONG),
        ({"not_after": NOW + 183 * DAY}, None),
        ({"not_after": NOW + 183 * DAY + 1}, Fault.TOO_LONG),
        ({"sunset": Sunset.EVENT}, Fault.TOO_LONG),
        ({"patterns": (Pattern(Match.SUBTREE, "example"),)}, Fault.TOO_BROAD),
        ({"patterns": (Pattern(Match.NAME, "hotline.example"),)}, Fault.TOO_BROAD),
        ({"patterns": (Pattern(Match.NAME, "search.example"),)}, Fault.TOO_BROAD),
        ({"patterns": (Pattern(Match.URL, "search.example/bad"),)}, None),
    ],
)
def test_a_mandate_holds_even_for_its_own_officers(ministry, changed, fault):
    assert fault_of(ministry, ministry.sign(order(**changed))) is fault


def test_the_name_space_of_a_mandate_holds():
    mandate = Mandate(
        frozenset({"decree-1"}), frozenset({"gambling"}), frozenset({Effect.BLOCK}),
        names=frozenset({"vn.example"}), per_order=2,
    )  # fmt: skip
    ministry = Ministry.new(mandate=mandate)
    names = {
        ("vn.example",): None,
        ("a.b.vn.example",): None,
        ("vn.example", "other.example"): Fault.OUT_OF_SCOPE,
        ("notvn.example",): Fault.OUT_OF_SCOPE,
        ("a.vn.example", "b.vn.example", "c.vn.example"): Fault.TOO_MANY,
    }
    for each, fault in names.items():
        assert fault_of(ministry, ministry.sign(order(*each))) is fault, each


def by_id(found):
    return {judged.entry.order.id: judged for judged in found.values()}


def ledger_of(*logged):
    ledger = Ledger()
    for number, (signed, at) in enumerate(logged):
        ledger = ledger.take([signed], at, number)
    return ledger


def test_only_its_own_authority_revokes_an_order(ministry):
    other = Ministry.new(id="other")
    registry = Registry(1, (ministry.authority, other.authority))
    mine = ministry.sign(order())
    foreign = other.sign(Revocation("2026-1", "ministry", "no", NOW))
    alone = ministry.sign(Revocation("2026-1", "ministry", "no", NOW), (0,))
    for attempt in (foreign, alone):
        found = judge(ledger_of((mine, NOW), (attempt, NOW)), registry, ANYTHING)
        assert by_id(found)["2026-1"].enforced
    revoked = ministry.sign(Revocation("2026-1", "ministry", "no", NOW), at=NOW + 5 * DAY)
    found = judge(ledger_of((mine, NOW), (revoked, NOW)), registry, ANYTHING)
    judged = by_id(found)["2026-1"]
    assert (judged.enforced, judged.ended) == (False, True)


def test_a_forged_revocation_does_not_stand_in_the_way_of_a_true_one(ministry):
    mine = ministry.sign(order())
    revocation = Revocation("2026-1", "ministry", "no", NOW)
    logged = ((mine, NOW), (ministry.sign(revocation, (0,)), NOW), (ministry.sign(revocation), NOW))
    found = judge(ledger_of(*logged), ministry.registry, ANYTHING)
    assert by_id(found)["2026-1"].ended


def test_more_patterns_an_hour_than_the_mandate_allows_are_refused():
    ministry = Ministry.new()
    small = replace(ministry.authority.mandate, per_hour=3)
    ministry.authority = replace(ministry.authority, mandate=small)
    times = {"a": NOW, "b": NOW + 10, "c": NOW + 20, "d": NOW + 3600, "e": NOW + 3605}
    logged = [
        (ministry.sign(order(f"x.{n}.example", f"y.{n}.example", id=n)), at)
        for n, at in times.items()
    ]
    found = judge(ledger_of(*logged), ministry.registry, ANYTHING)
    faults = {ident: judged.fault for ident, judged in by_id(found).items()}
    assert faults == {
        "a": None, "b": Fault.TOO_MANY, "c": Fault.TOO_MANY, "d": None, "e": Fault.TOO_MANY,
    }  # fmt: skip


def test_what_was_judged_is_not_judged_again(ministry):
    ledger = ledger_of((ministry.sign(order()), NOW))
    first = judge(ledger, ministry.registry, ANYTHING)
    again = judge(ledger, ministry.registry, ANYTHING, first)
    assert by_id(again)["2026-1"] is by_id(first)["2026-1"]


def test_a_forged_order_does_not_take_the_id_of_a_true_one(ministry):
    forged = ministry.sign(order("somebody.example"), (0,))
    true, second = ministry.sign(order()), ministry.sign(order("other.example"))
    found = judge(ledger_of((forged, NOW), (true, NOW), (second, NOW)), ministry.registry, ANYTHING)
    assert [judged.fault for judged in found.values()] == [Fault.UNSIGNED, None, Fault.DUPLICATE]
