from dataclasses import replace

import pytest

from filterd.feed.audit import audit, split, summary
from filterd.feed.follow import read_checkpoint
from filterd.feed.keys import public_key
from filterd.feed.manifest import Counted, Manifest
from filterd.feed.refusal import Fault
from filterd.feed.segment import pack, path_of, unpack
from filterd.model.order import Registry, Retired, Revocation
from tests.support.ministry import ANYTHING, DAY, NOW, Ministry, order, signer


class Logged:
    """A log, and what an auditor makes of it."""

    def __init__(self, folder):
        self.ministry = Ministry.new()
        self.log = self.ministry.log(folder)
        self.log.append([self.ministry.sign(order())], NOW + 5, "c0")
        self.log.append([self.ministry.sign(order("win.example", id="2026-2"))], NOW + 60, "c1")
        ended = Revocation("2026-1", "ministry", "a mistake", NOW)
        self.log.append([self.ministry.sign(ended, at=NOW + 90)], NOW + 120, "c2")

    @property
    def files(self):
        size = self.log.position.edge.size
        return [(self.log.folder / path_of(n)).read_bytes() for n in range(size)]

    @property
    def checkpoint(self):
        note = (self.log.folder / "checkpoint").read_bytes()
        return read_checkpoint(note, self.ministry.log_key)

    def audit(self, files=None, registry=None, manifests=(), registries=None):
        files = self.files if files is None else files
        registries = registries or [(0, registry or self.ministry.registry)]
        return audit(self.checkpoint, files, registries, ANYTHING, manifests)

    def faults(self, **given):
        return {(each.fault, each.segment) for each in self.audit(**given).findings}


@pytest.fixture
def logged(tmp_path):
    return Logged(tmp_path / "log")


def test_a_good_log_is_good(logged):
    done = logged.audit()
    assert (done.findings, done.late) == ([], [])
    assert summary(done) == {
        "segments": 3,
        "proofs": 2,
        "acts": {"order": 2, "revoke": 1},
        "patterns": 2,
        "legal_bases": {"decree-1": 2},
        "authorities": {"ministry": 3},
        "seconds_to_log": {"median": 30, "most": 60},
        "findings": [],
        "over": [],
        "late": [],
    }


def test_a_changed_segment_is_found_and_where(logged):
    files = logged.files
    segment = unpack(files[1])
    files[1] = pack(replace(segment, canary="other.canary.example"))
    faults = logged.faults(files=files)
    assert {(Fault.TAMPERED, None), (Fault.SPLIT_VIEW, 2)} <= faults


def test_segments_in_another_order_or_left_out_are_found(logged):
    one, two, three = logged.files
    assert (Fault.REORDERED, 0) in logged.faults(files=[two, one, three])
    assert (Fault.MIXED, None) in logged.faults(files=[one, two])
    assert (Fault.MALFORMED, 2) in logged.faults(files=[one, two, b"rubbish"])


def test_unwarranted_acts_are_found(logged):
    stranger = Ministry.new()
    logged.log.append([logged.ministry.sign(order(id="3"), (0,))], NOW + 200, "c3")
    logged.log.append([stranger.sign(order(id="4"))], NOW + 300, "c4")
    logged.log.append([logged.ministry.sign(order(id="5", category="news"))], NOW + 400, "c5")
    assert logged.faults() == {
        (Fault.UNSIGNED, 3), (Fault.UNSIGNED, 4), (Fault.OUT_OF_SCOPE, 5),
    }  # fmt: skip


def test_an_id_that_was_given_twice_is_found(logged):
    logged.log.append([logged.ministry.sign(order("other.example"))], NOW + 200, "c3")
    assert logged.faults() == {(Fault.DUPLICATE, 3)}


def test_what_was_dated_back_is_told(logged):
    logged.log.append([logged.ministry.sign(order(id="3"))], NOW + 3 * DAY, "c3")
    done = logged.audit()
    assert [(each.segment, "72 hours" in each.why) for each in done.late] == [(3, True)]
    logged.log.append([logged.ministry.sign(order(id="4"), at=NOW + 9 * DAY)], NOW + 4 * DAY, "c4")
    assert logged.faults() == {(Fault.MISDATED, 4)}


def test_keys_count_up_to_the_moment_at_which_they_were_retired(logged):
    """And a key that was revoked counts for nothing that it ever signed."""
    authority = logged.ministry.authority
    first, *others = authority.officers
    new = public_key(signer())
    for at, faults in (
        (NOW + 60, {(Fault.UNSIGNED, 2)}),
        (NOW + 120, set()),
        (NOW, {(Fault.UNSIGNED, 0), (Fault.UNSIGNED, 1), (Fault.UNSIGNED, 2)}),
    ):
        changed = replace(authority, officers=(*others, new), retired=(Retired(first, at),))
        assert logged.faults(registry=Registry(2, (changed,))) == faults, at
    revoked = replace(authority, officers=(*others, new))
    assert len(logged.faults(registry=Registry(2, (revoked,)))) == 3


def test_acts_are_held_to_the_registry_of_their_time(logged):
    ended = Registry(2, ())
    done = logged.audit(registries=[(NOW - DAY, logged.ministry.registry), (NOW + DAY, ended)])
    assert done.findings == []
    assert [(each.fault, each.segment) for each in done.over] == [
        (Fault.UNKNOWN_AUTHORITY, 0), (Fault.UNKNOWN_AUTHORITY, 1), (Fault.UNKNOWN_AUTHORITY, 2),
    ]  # fmt: skip
    early = [(NOW - 3 * DAY, Registry(1, ())), (NOW + DAY, logged.ministry.registry)]
    assert {each.fault for each in logged.audit(registries=early).findings} == {
        Fault.UNKNOWN_AUTHORITY
    }, "an authority orders nothing before it is one"


def test_two_copies_of_one_history_agree_and_of_two_do_not(logged, tmp_path):
    assert split(logged.files, logged.files[:2]) is None
    other = logged.ministry.log(tmp_path / "other")
    signed = [each for file in logged.files for each in unpack(file).acts]
    other.append([signed[0]], NOW + 5, "c0")
    other.append([signed[2]], NOW + 60, "c1")
    files = [(other.folder / path_of(n)).read_bytes() for n in range(2)]
    assert split(logged.files, files) == 1


def test_an_authority_that_saw_another_history_is_told(logged):
    (entry, _) = logged.log.position.ledger.entries.values()
    second = next(e for e in logged.log.position.ledger.entries.values() if e.order.id == "2026-2")
    counted = (Counted("2026-2", second.digest, second.order.not_after),)
    root = logged.log.position.edge.root
    said = Manifest("ministry", ("Bộ", "M"), "x", 3, root, counted)
    assert logged.faults(manifests=[said]) == set()
    assert logged.faults(manifests=[replace(said, root=bytes(32))]) == {(Fault.SPLIT_VIEW, None)}
    assert (Fault.ROLLBACK, None) in logged.faults(manifests=[replace(said, size=4)])
    lost = replace(said, orders=(*counted, Counted("9", bytes(32), entry.order.not_after)))
    assert logged.faults(manifests=[lost]) == {(Fault.OMITTED, None)}
