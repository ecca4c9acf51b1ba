import random
from itertools import pairwise

from filterd.http.labels.cache import SITE_SECONDS, LabelCache
from filterd.http.labels.looking import DAY, DELAY, LOST, WEEK, Looking, Pace

KEY = LabelCache(b"secret of a school", None).key


def looking(seed=1, **pace):
    return Looking(KEY, random.Random(seed).uniform, Pace(**pace))


def test_a_host_is_looked_at_some_time_after_it_was_seen():
    look = looking()
    look.see("a.edu.vn", 1000)
    assert look.wanted(1000 + DELAY[0] - 1) is None
    found = look.wanted(1000 + DELAY[1])
    assert (found.host, found.paths[0]) == ("a.edu.vn", "/.well-known/age-label.json")
    assert look.wanted(1000 + DELAY[1] + 5) is None


def test_once_a_week_whatever_is_seen():
    look, looks, now = looking(), [], 0.0
    while now < 10 * WEEK:
        look.see("a.test", now)
        if look.wanted(now):
            looks.append(now)
            look.done("a.test", answered=True, now=now + 2)
        now += 600
    gaps = [after - before for before, after in pairwise(looks)]
    assert len(looks) in {9, 10, 11, 12}
    assert min(gaps) >= WEEK - DAY
    assert max(gaps) <= SITE_SECONDS  # the label of the last look holds until the next
    assert len({round(gap) for gap in gaps}) > 5


def test_a_failure_is_tried_again_the_next_day():
    look = looking()
    look.see("a.test", 0)
    assert look.wanted(1000)
    look.done("a.test", answered=False, now=1010)
    look.see("a.test", 1010 + DAY - 1)
    assert look.wanted(1010 + DAY + 2000) is None
    look.see("a.test", 1010 + DAY)
    assert look.wanted(1010 + DAY + DELAY[1])


def test_a_fetch_of_which_nothing_is_heard_gives_its_place_back():
    look = looking(at_once=1)
    look.see("a.test", 0)
    look.see("b.test", 0)
    assert look.wanted(2000).host == "a.test"
    assert look.wanted(2000 + LOST - 1) is None
    assert look.wanted(2000 + LOST).host == "b.test"
    look.done("a.test", answered=True, now=5000)
    look.done("never.test", answered=True, now=5000)


def test_the_pace_holds_for_all_hosts_together():
    look, started = looking(every=2.0, at_once=3), []
    for count in range(50):
        look.see(f"{count}.test", 0)
    for second in range(1000, 1100):
        found = look.wanted(second)
        if found:
            started.append((second, found.host))
        if second % 10 == 0:
            for _, host in started:
                look.done(host, answered=True, now=second)
    assert all(after[0] - before[0] >= 2 for before, after in pairwise(started))
    assert 20 <= len(started) <= 31
    assert len({host for _, host in started}) == len(started)


def test_what_waits_and_what_is_known_is_bounded():
    look = looking(waiting=10, known=20, every=0.0)
    for count in range(1000):
        look.see(f"{count}.test", 0)
    assert len(look._waiting) == 10
    for now in range(1000, 1500):
        look.see(f"x{now}.test", now - 1000)
        found = look.wanted(now)
        if found:
            look.done(found.host, answered=True, now=now)
    assert len(look._rest) <= 20
