from dataclasses import replace

import pytest
import zstandard

from filterd.feed.checkpoint import PATH as CHECKPOINT
from filterd.feed.checkpoint import sign_note
from filterd.feed.follow import AHEAD, LogKey, Position, check_fresh, read_checkpoint, take, weigh
from filterd.feed.keys import public_key, sign
from filterd.feed.merkle import Edge, leaf_hash
from filterd.feed.refusal import Fault, Refused
from filterd.feed.segment import MOST_PACKED, path_of, unpack
from filterd.model.order import Revocation
from tests.support.ministry import DAY, NOW, Ministry, order, signer


@pytest.fixture
def ministry():
    return Ministry.new()


@pytest.fixture
def log(ministry, tmp_path):
    log = ministry.log(tmp_path / "feed")
    log.append([ministry.sign(order())], NOW, "c0")
    log.append([ministry.sign(order("win.example", id="2026-2"))], NOW + 60, "c1")
    log.append([ministry.sign(Revocation("2026-1", "ministry", "a mistake", NOW))], NOW + 120, "c2")
    return log


def note(log):
    return (log.folder / CHECKPOINT).read_bytes()


def files(log, first=0, last=None):
    last = log.position.edge.size if last is None else last
    return [(log.folder / path_of(number)).read_bytes() for number in range(first, last)]


def checkpoint(log, ministry):
    return read_checkpoint(note(log), ministry.log_key)


def refused(fault):
    class Context:
        def __enter__(self):
            return self

        def __exit__(self, kind, error, _):
            assert kind is Refused, "not refused"
            assert error.fault is fault, error
            return True

    return Context()


def test_a_node_comes_to_what_the_log_says(log, ministry):
    taken = take(Position(), checkpoint(log, ministry), files(log), NOW + 120)
    assert taken.position == log.position
    assert [each.canary for each in taken.segments] == [f"c{n}.canary.example" for n in range(3)]
    entries = taken.position.ledger.entries.values()
    assert {each.order.id: len(each.marks) for each in entries} == {"2026-1": 1, "2026-2": 0}


def test_it_comes_to_the_same_in_steps(tmp_path, ministry):
    log, position = ministry.log(tmp_path), Position()
    for number in range(9):
        log.append([ministry.sign(order(id=f"o{number}"))], NOW + number, f"c{number}")
        new = files(log, position.edge.size)
        position = take(position, checkpoint(log, ministry), new, NOW + number).position
    assert position == log.position == ministry.log(tmp_path).position
    assert len(position.ledger.entries) == 9


def test_an_order_ends_by_the_clock_of_the_checkpoint(log, ministry):
    position = take(Position(), checkpoint(log, ministry), files(log), NOW + 120).position
    log.renew(NOW + 31 * DAY)
    after = take(position, checkpoint(log, ministry), [], NOW + 31 * DAY).position
    assert after.ledger.entries == {}


def test_rollback_is_refused(log, ministry):
    old = note(log)
    position = log.position
    log.append([], NOW + 180, "c3")
    new = take(position, checkpoint(log, ministry), files(log, 3), NOW + 180).position
    with refused(Fault.ROLLBACK):
        weigh(new, read_checkpoint(old, ministry.log_key), NOW + 180)


def test_an_older_checkpoint_of_the_same_size_is_refused(log, ministry):
    old = checkpoint(log, ministry)
    log.renew(NOW + 500)
    with refused(Fault.ROLLBACK):
        weigh(log.position, old, NOW + 500)


def test_a_frozen_feed_is_told(log):
    check_fresh(log.position, NOW + 120 + 3600, 3600)
    with refused(Fault.FROZEN):
        check_fresh(log.position, NOW + 121 + 3600, 3600)


def test_a_checkpoint_from_the_future_is_refused(log, ministry):
    found = checkpoint(log, ministry)
    assert weigh(Position(), found, found.time - AHEAD) == 3
    with refused(Fault.MIXED):
        weigh(Position(), found, found.time - AHEAD - 1)


def test_a_tampered_segment_is_refused(log, ministry):
    good = files(log)
    bad = bytearray(good[1])
    bad[-1] ^= 1
    with pytest.raises(Refused) as refusal:
        take(Position(), checkpoint(log, ministry), [good[0], bytes(bad), good[2]], NOW + 120)
    assert refusal.value.fault in {Fault.TAMPERED, Fault.MALFORMED}


def test_a_segment_with_other_acts_is_tampered_with(log, ministry, tmp_path):
    other = ministry.log(tmp_path / "other")
    other.append([ministry.sign(order())], NOW, "c0")
    other.append([ministry.sign(order("swapped.example", id="2026-2"))], NOW + 60, "c1")
    one, two = files(log)[:2], files(other)[1]
    edge, ledger = Edge(), Position().ledger
    for number, file in enumerate(one):
        edge, segment = edge.add(leaf_hash(file)), unpack(file)
        ledger = ledger.take(segment.acts, segment.at, number)
    signed = replace(
        checkpoint(log, ministry), size=2, root=edge.root, time=NOW + 60, state=ledger.root
    )
    assert take(Position(), signed, one, NOW + 60).segments[1].number == 1
    with refused(Fault.TAMPERED):
        take(Position(), signed, [one[0], two], NOW + 60)


def test_reordered_segments_are_refused(log, ministry):
    one, two, three = files(log)
    with refused(Fault.REORDERED):
        take(Position(), checkpoint(log, ministry), [two, one, three], NOW + 120)


def test_segments_and_checkpoint_that_do_not_belong_together_are_refused(log, ministry):
    with refused(Fault.MIXED):
        take(Position(), checkpoint(log, ministry), files(log)[:2], NOW + 120)


def test_a_second_history_is_refused(log, ministry, tmp_path):
    other = ministry.log(tmp_path / "other")
    for number in range(3):
        other.append([ministry.sign(order("x.example", id="o"))], NOW + number, f"x{number}")
    other.renew(NOW + 120)
    with refused(Fault.SPLIT_VIEW):
        weigh(log.position, checkpoint(other, ministry), NOW + 120)
    other.append([], NOW + 180, "x3")
    with refused(Fault.SPLIT_VIEW):
        take(log.position, checkpoint(other, ministry), files(other, 3), NOW + 180)


def test_endless_data_is_refused_before_it_is_unpacked():
    with refused(Fault.TOO_LARGE):
        unpack(bytes(MOST_PACKED + 1))
    with refused(Fault.TOO_LARGE):
        read_checkpoint(b"x" * 10_000, LogKey("x", public_key(signer())))


def test_a_file_that_unpacks_to_too_much_is_refused():
    bomb = zstandard.ZstdCompressor().compress(bytes(17 * 2**20))
    assert len(bomb) < 10_000
    with refused(Fault.TOO_LARGE):
        unpack(bomb)
    hidden = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(17 * 2**20))
    with pytest.raises(Refused):
        unpack(hidden)


def test_a_checkpoint_by_another_key_is_refused(log, ministry):
    stranger = signer()
    text = checkpoint(log, ministry).text
    public = public_key(stranger)
    value = bytes.fromhex(sign(stranger, text.encode()).value)
    own = bytes.fromhex(ministry.log_key.key.public)
    for key in (bytes.fromhex(public.public), own):
        forged = sign_note(text, ministry.log_key.origin, key, value)
        with refused(Fault.UNSIGNED):
            read_checkpoint(forged, ministry.log_key)


def test_a_state_that_does_not_follow_is_a_divergence(log, ministry):
    wrong = replace(checkpoint(log, ministry), state=bytes(32))
    with refused(Fault.DIVERGED):
        take(Position(), wrong, files(log), NOW + 120)


def test_a_log_goes_on_after_being_cut_off_between_segment_and_checkpoint(log, ministry):
    lost = log.folder / path_of(3)
    lost.write_bytes(b"half a segm")
    again = ministry.log(log.folder)
    assert again.position == log.position
    again.append([ministry.sign(order(id="2026-3"))], NOW + 200, "c3")
    assert take(Position(), checkpoint(again, ministry), files(again), NOW + 200)


def test_a_segment_that_is_dated_back_is_refused(log, ministry):
    position, size = log.position, log.position.edge.size
    log.position = replace(position, time=0)  # a log keeper who forgets what time it was
    log.append([ministry.sign(order(id="2026-9"))], position.time - 3600, "c3")
    log.renew(position.time)
    with refused(Fault.REORDERED):
        take(position, checkpoint(log, ministry), files(log, size), NOW + 120)


def test_a_log_goes_on_in_order_when_the_clock_is_set_back(log, ministry):
    position, size = log.position, log.position.edge.size
    log.append([ministry.sign(order(id="2026-9"))], position.time - 3600, "c3")
    assert take(position, checkpoint(log, ministry), files(log, size), NOW).position == log.position
