import random
from email.utils import formatdate

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from filterd.feed.delivery import LAST_RETRY, LONGEST_WAIT, Fate, outcome, parcel, pause
from filterd.feed.keys import public_key
from filterd.feed.request import Request, check_request, sender_of
from tests.support.ministry import signer

NOW = 1_770_000_000
PROBLEM = b'{"title": "no", "detail": "a row that does not read"}'


@pytest.mark.parametrize(
    ("status", "fate"),
    [(200, Fate.TAKEN), (201, Fate.TAKEN), (401, Fate.UNKNOWN_NODE), (409, Fate.REFUSED),
     (413, Fate.REFUSED), (422, Fate.REFUSED), (429, Fate.LATER), (500, Fate.LATER),
     (503, Fate.LATER), (302, Fate.LATER), (404, Fate.LATER), (403, Fate.LATER)],
)  # fmt: skip
def test_the_answer_decides(status, fate):
    assert outcome(status, {}, b"", NOW).fate is fate


def test_the_hubs_reason_is_told_without_what_could_steer_a_terminal():
    assert "a row that does not read" in outcome(422, {}, PROBLEM, NOW).why
    assert "\x1b" not in outcome(422, {}, b'{"detail": "\\u001b[2J"}', NOW).why
    assert len(outcome(503, {}, b'{"detail": "%s"}' % (b"x" * 9999), NOW).why) < 400


def test_what_a_wrong_clock_made_is_not_thrown_away():
    headers = {"date": formatdate(NOW - 3600, usegmt=True)}
    for status in (401, 422):
        done = outcome(status, headers, b"", NOW)
        assert done.fate is Fate.LATER
        assert "3600 s fast" in done.why
    near = {"date": formatdate(NOW - 10, usegmt=True)}
    assert outcome(422, near, b"", NOW).fate is Fate.REFUSED


@pytest.mark.parametrize(
    ("said", "wait"),
    [("7", 7.0), ("0", 0.0), ("999999999999", LONGEST_WAIT), ("soon", None), ("-1", None),
     (formatdate(NOW + 30, usegmt=True), 30.0), (formatdate(NOW - 30, usegmt=True), 0.0)],
)  # fmt: skip
def test_retry_after_is_understood(said, wait):
    assert outcome(503, {"retry-after": said}, b"", NOW).wait == wait


def test_pauses_grow_are_spread_and_never_shorter_than_asked():
    rng = random.Random(1)
    early = [pause(0, None, rng) for _ in range(50)]
    late = [pause(30, None, rng) for _ in range(50)]
    assert max(early) <= 1.0
    assert LAST_RETRY / 2 <= min(late) <= max(late) <= LAST_RETRY
    assert len({round(each, 3) for each in late}) > 40
    assert all(pause(0, 60.0, rng) >= 60.0 for _ in range(50))


@given(st.integers(100, 599), st.dictionaries(st.sampled_from(["date", "retry-after"]), st.text()),
       st.binary())  # fmt: skip
def test_any_answer_means_something(status, headers, body):
    done = outcome(status, headers, body, NOW)
    assert done.why.isprintable()
    assert done.wait is None or 0 <= done.wait <= LONGEST_WAIT


def test_a_parcel_is_packed_and_signed():
    key = signer()
    made = parcel("https://hub.example/base/v1/reports", b'{"a":1}', key, NOW)
    headers = {name.lower(): value for name, value in made.headers.items()}
    request = Request("POST", "/base/v1/reports", made.content, headers)
    assert sender_of(request) == public_key(key).id
    assert check_request(request, public_key(key), NOW + 5) == -5
    assert zstandard.ZstdDecompressor().decompress(made.content) == b'{"a":1}'
