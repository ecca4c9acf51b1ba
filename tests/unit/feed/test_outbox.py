import errno
import os

import pytest

from filterd.feed import outbox as module
from filterd.feed.outbox import Outbox


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def receipt(size, observed_at=1):
    return {"receipt": {"size": size, "observed_at": observed_at}, "key": "k", "signature": "s"}


def opened(folder):
    box = Outbox(folder)
    box.load()
    return box


def test_what_was_put_in_survives_a_kill(tmp_path):
    box = opened(tmp_path)
    box.put(receipt(1))
    box.put(receipt(2))
    (tmp_path / "000000000003.json.new").write_bytes(b"half")
    again = opened(tmp_path)
    assert again.sizes == [1, 2]
    taken = again.take(64)
    assert list(taken.values()) == [receipt(1), receipt(2)]
    again.done(taken)
    assert opened(tmp_path).sizes == []


def test_the_newest_go_first(tmp_path):
    box = opened(tmp_path)
    for size in range(5):
        box.put(receipt(size))
    assert list(box.take(2).values()) == [receipt(3), receipt(4)]


def test_the_newest_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST", 3)
    box = opened(tmp_path)
    for size in range(5):
        box.put(receipt(size))
    assert box.sizes == opened(tmp_path).sizes == [2, 3, 4]
    assert box.dropped == 2


def test_one_that_was_put_in_while_another_was_sent_stays(tmp_path):
    box = opened(tmp_path)
    box.put(receipt(1))
    taken = box.take(64)
    box.put(receipt(1, observed_at=2))
    box.done(taken)
    assert list(box.take(64).values()) == [receipt(1, observed_at=2)]


def test_a_full_disk_is_told_and_the_receipt_is_sent_all_the_same(tmp_path, monkeypatch):
    box, rang = opened(tmp_path), []
    box.arrived = lambda: rang.append(1)
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        box.put(receipt(1))
    assert "No space left" in box.problem
    assert list(box.take(64).values()) == [receipt(1)]
    box.put(receipt(2))
    assert box.problem is None
    assert rang == [1, 1]


def test_what_the_hub_refuses_is_kept_aside_with_the_reason(tmp_path):
    box = opened(tmp_path)
    box.put(receipt(1))
    box.refuse(box.take(64), "the hub says 422")
    assert box.sizes == []
    assert box.refused == 1
    (aside,) = (tmp_path / "aside").iterdir()
    assert b'"why":"the hub says 422"' in aside.read_bytes()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_a_damaged_receipt_is_set_aside(tmp_path, content):
    (tmp_path / "000000000001.json").write_bytes(content)
    box = opened(tmp_path)
    assert box.take(64) == {}
    assert (tmp_path / "aside/000000000001.json").read_bytes() == content
