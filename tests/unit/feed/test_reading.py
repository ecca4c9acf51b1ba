"""Whatever comes in is read or refused, never anything else; what is written is read back."""

import json
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.feed.acts import act_json, read_pattern, read_signed, signed_json
from filterd.feed.canary import Ends, canary_orders
from filterd.feed.canonical import canonical, read_object
from filterd.feed.checkpoint import read_text, split_note
from filterd.feed.keys import KeyFileError, new_key, node_key, open_key, public_key
from filterd.feed.receipt import Receipt, read_receipt, sign_receipt
from filterd.feed.refusal import Fault, Refused
from filterd.feed.registry import read_registry, registry_json
from filterd.feed.segment import Segment, pack, unpack
from filterd.model.order import Match, Priority, Retired, Revocation
from tests.support.ministry import NOW, Ministry, order, signer

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=20,
)


@pytest.fixture(scope="module")
def ministry():
    return Ministry.new()


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data):
    for read in (unpack, split_note, lambda d: read_object(d, 1000)):
        try:
            read(data)
        except Refused:
            continue


@given(st.text(max_size=300))
def test_any_text_is_a_checkpoint_or_refused(text):
    with suppress(Refused):
        assert read_text(text).text


@given(JSON)
def test_any_json_is_read_or_refused(value):
    for read in (read_signed, read_registry):
        with pytest.raises(Refused):
            read(value)


@given(JSON)
def test_one_value_has_one_spelling(value):
    assert canonical(json.loads(canonical(value))) == canonical(value)


@pytest.mark.parametrize("text", ['{"a":1.5}', '{"a":1,"a":2}', "[]", '{"a":1e3}', "{"])
def test_what_has_two_spellings_is_refused(text):
    with pytest.raises(Refused):
        read_object(text.encode(), 100)


def test_acts_are_read_back(ministry):
    rating = order("x.example", min_age=16, priority=Priority.URGENT)
    for act in (order(), rating, Revocation("1", "ministry", "ended", NOW)):
        signed = ministry.sign(act)
        assert read_signed(json.loads(canonical(signed_json(signed)))) == signed


@pytest.mark.parametrize(
    "change",
    [
        {"id": ""},
        {"id": "2026 1"},
        {"id": "2026/1"},
        {"id": "số-1"},
        {"id": "x" * 101},
        {"reference": "a\nb"},
        {"category": "x" * 500},
        {"not_after": True},
        {"min_age": 0},
        {"min_age": 300},
        {"effect": "destroy"},
        {"patterns": [["subtree", "Bet.Example"]]},
        {"patterns": [["subtree", "bet.example."]]},
        {"patterns": [["subtree", "192.0.2.1"]]},
        {"patterns": [["subtree", "bet.example/path"]]},
        {"patterns": [["url", "bet.example"]]},
        {"patterns": [["regex", ".*"]]},
        {"patterns": ["bet.example"]},
        {"surprise": 1},
    ],
)
def test_an_order_that_is_not_as_it_should_be_is_refused(ministry, change):
    value = signed_json(ministry.sign(order()))
    value["act"] = act_json(order()) | change
    with pytest.raises(Refused) as refused:
        read_signed(value)
    assert refused.value.fault is Fault.MALFORMED


def test_patterns_have_one_spelling():
    assert read_pattern("subtree", "BET.example.").text == "bet.example"
    assert read_pattern("url", "Bet.example/A%20b?q=1").text == "bet.example/A%20b?q=1"
    with pytest.raises(Refused):
        read_pattern("url", "bet.example/a b")


def test_segments_are_read_back(ministry):
    segment = Segment(7, NOW, bytes(32), "c.canary.example", (ministry.sign(order()),))
    assert unpack(pack(segment)) == segment


def test_registries_are_read_back(ministry):
    assert read_registry(json.loads(canonical(registry_json(ministry.registry)))) == (
        ministry.registry
    )


@pytest.mark.parametrize("threshold", [0, 4])
def test_a_threshold_that_nobody_can_meet_or_anybody_is_refused(ministry, threshold):
    authority = replace(ministry.authority, threshold=threshold)
    value = registry_json(replace(ministry.registry, authorities=(authority,)))
    with pytest.raises(Refused, match="threshold"):
        read_registry(value)


def test_one_key_for_two_officers_is_refused(ministry):
    one = ministry.authority.officers[0]
    twice = (one, replace(one, id="another"))
    authority = replace(ministry.authority, officers=twice)
    with pytest.raises(Refused, match="one key"):
        read_registry(registry_json(replace(ministry.registry, authorities=(authority,))))


def test_canaries_are_only_under_the_domain_that_was_named():
    names = ("a.canary.example", "canary.example", "bank.example", "xcanary.example")
    segments = [Segment(n, NOW, bytes(32), name, ()) for n, name in enumerate(names)]
    (one,) = canary_orders(segments, "canary.example", Ends(3600))
    assert [(each.match, each.text) for each in one.patterns] == [(Match.NAME, "a.canary.example")]


def test_receipts_are_read_back_and_forged_ones_refused():
    key = signer()
    receipt = Receipt("n", 5, bytes(32), bytes(32), 1, 2, 3, 0, "filterd 0")
    sent = sign_receipt(receipt, key)
    assert read_receipt(json.loads(canonical(sent)), public_key(key)) == receipt
    with pytest.raises(Refused):
        read_receipt(sent, public_key(signer()))
    sent["receipt"]["size"] = 6
    with pytest.raises(Refused) as refused:
        read_receipt(sent, public_key(key))
    assert refused.value.fault is Fault.UNSIGNED


def test_keys_are_encrypted_and_never_written_over(tmp_path):
    path = tmp_path / "key.pem"
    made = new_key(path, "a long passphrase")
    assert b"ENCRYPTED" in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert public_key(open_key(path, "a long passphrase")) == made
    for wrong in (lambda: open_key(path, "another passphrase"), lambda: open_key(tmp_path, "x")):
        with pytest.raises(KeyFileError):
            wrong()
    with pytest.raises(KeyFileError, match="never"):
        new_key(path, "a long passphrase")
    with pytest.raises(KeyFileError, match="characters"):
        new_key(tmp_path / "other.pem", "short")


def test_a_node_keeps_its_key(tmp_path):
    path = tmp_path / "node.key"
    first = public_key(node_key(path))
    assert public_key(node_key(path)) == first
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("damaged")
    with pytest.raises(KeyFileError):
        node_key(path)


@pytest.mark.parametrize("ident", ["", "../moet", "moet.targets", "MOET", "-moet", "m/x", "m" * 64])
def test_an_id_that_is_no_files_name_is_refused(ministry, ident):
    value = registry_json(ministry.registry)
    value["authorities"][0]["id"] = ident
    with pytest.raises(Refused, match="its id"):
        read_registry(value)


def test_retired_keys_are_read_back_and_are_nobody_elses(ministry):
    authority = ministry.authority
    gone = public_key(signer())
    registry = replace(
        ministry.registry, authorities=(replace(authority, retired=(Retired(gone, NOW),)),)
    )
    value = json.loads(canonical(registry_json(registry)))
    assert read_registry(value) == registry
    (words,) = value["authorities"][0]["retired"]
    for bad in (
        [*words[:4], "soon"],
        words[:4],
        [*registry_json(ministry.registry)["authorities"][0]["officers"][0], "1"],
    ):
        value["authorities"][0]["retired"] = [bad]
        with pytest.raises(Refused):
            read_registry(value)


@pytest.mark.parametrize(
    "signature",
    [["k", "00"], ["k", "00", "1"], ["k", "00", 0], ["k", "00", 1 << 41], ["k", "00", True]],
)
def test_a_signature_without_its_time_is_refused(ministry, signature):
    value = signed_json(ministry.sign(order()))
    value["signatures"][0] = signature
    with pytest.raises(Refused, match="when it was made"):
        read_signed(value)
