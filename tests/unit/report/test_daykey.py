import json
import stat
from datetime import datetime
from itertools import count
from zoneinfo import ZoneInfo

import pytest

from filterd.report.daykey import DayKey

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
CLIENT = "192.0.2.7"


def at(day, hour=12, minute=0):
    return datetime(2026, 11, day, hour, minute, tzinfo=ZONE).timestamp()


class Random:
    """Different bytes at every call."""

    def __init__(self, start=1):
        self.turn = count(start)

    def __call__(self, n):
        return bytes([next(self.turn)]) * n


@pytest.fixture
def path(tmp_path):
    return tmp_path / "day.key"


def test_one_word_per_client_for_one_day(path):
    key = DayKey(path, ZONE, Random())
    key.turn(at(20))
    word = key.pseudonym(CLIENT, at(20, 0))
    assert word == key.pseudonym(CLIENT, at(20, 23, 59))
    assert word != key.pseudonym("192.0.2.8", at(20))
    assert len(word) == 16
    assert set(word) <= set("0123456789abcdef")


def test_midnight_is_local_and_makes_days_unlinkable(path):
    key = DayKey(path, ZONE, Random())
    key.turn(at(20, 23, 59))
    yesterday = key.pseudonym(CLIENT, at(20, 23, 59))
    old_key = json.loads(path.read_bytes())["key"]
    key.turn(at(21, 0, 0))
    assert key.pseudonym(CLIENT, at(21)) != yesterday
    assert old_key.encode() not in path.read_bytes()
    assert key.pseudonym(CLIENT, at(20, 23, 59)) == "", (
        "yesterday's key is gone, for late events too"
    )


def test_a_restart_on_the_same_day_keeps_the_words(path):
    first = DayKey(path, ZONE, Random(1))
    first.turn(at(20, 8))
    second = DayKey(path, ZONE, Random(100))
    second.turn(at(20, 9))
    assert second.pseudonym(CLIENT, at(20)) == first.pseudonym(CLIENT, at(20))


def test_a_restart_on_another_day_destroys_the_old_key(path):
    DayKey(path, ZONE, Random(1)).turn(at(20))
    old_key = json.loads(path.read_bytes())["key"]
    second = DayKey(path, ZONE, Random(100))
    second.turn(at(21))
    assert old_key not in path.read_text()


def test_the_file_is_for_its_owner_only(path):
    DayKey(path, ZONE, Random()).turn(at(20))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_others_could_read_is_not_trusted(path, caplog):
    first = DayKey(path, ZONE, Random(1))
    first.turn(at(20))
    path.chmod(0o644)
    second = DayKey(path, ZONE, Random(100))
    second.turn(at(20))
    assert second.pseudonym(CLIENT, at(20)) != first.pseudonym(CLIENT, at(20))
    assert "others may read" in caplog.text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"day": "2026-11-20"}', b'{"day": "2026-11-20", "key": "zz"}',
     b'{"day": "2026-11-20", "key": 7}', b'{"day": "2026-11-20", "key": "00"}', b"\xff\xfe"],
)  # fmt: skip
def test_a_damaged_file_is_replaced(path, content):
    path.write_bytes(content)
    path.chmod(0o600)
    key = DayKey(path, ZONE, Random())
    key.turn(at(20))
    assert len(key.pseudonym(CLIENT, at(20))) == 16
    assert json.loads(path.read_bytes())["day"] == "2026-11-20"


def test_a_link_is_not_followed(path, tmp_path):
    target = tmp_path / "precious"
    target.write_text("keep me")
    path.symlink_to(target)
    key = DayKey(path, ZONE, Random())
    key.turn(at(20))
    assert target.read_text() == "keep me"
    assert len(key.pseudonym(CLIENT, at(20))) == 16


def test_without_a_usable_place_the_key_lives_in_memory(tmp_path, caplog):
    key = DayKey(tmp_path / "missing" / "day.key", ZONE, Random())
    key.turn(at(20))
    assert len(key.pseudonym(CLIENT, at(20))) == 16
    assert "new pseudonyms" in caplog.text


def test_a_clock_set_back_ends_the_day(path):
    key = DayKey(path, ZONE, Random())
    key.turn(at(25))
    wrong = key.pseudonym(CLIENT, at(25))
    key.turn(at(20))
    assert key.pseudonym(CLIENT, at(20)) not in ("", wrong)


def test_destroy_leaves_nothing(path):
    key = DayKey(path, ZONE, Random())
    key.turn(at(20))
    key.destroy()
    assert not path.exists()
    assert key.pseudonym(CLIENT, at(20)) == ""


def test_the_old_bytes_are_overwritten_in_place(path, tmp_path):
    key = DayKey(path, ZONE, Random())
    key.turn(at(20))
    old_key = json.loads(path.read_bytes())["key"]
    second_name = tmp_path / "same-file"
    second_name.hardlink_to(path)
    key.turn(at(21))
    assert old_key.encode() not in second_name.read_bytes()
