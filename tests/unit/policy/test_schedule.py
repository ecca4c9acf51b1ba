"""Schedules against a minute-by-minute walk along the clock on the wall."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from filterd.model.group import Schedule, Window
from filterd.policy.schedule import holds, switches, timeline

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
BERLIN = ZoneInfo("Europe/Berlin")  # clocks change on 2026-03-29 and 2026-10-25
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # by half an hour
ZONES = (HANOI, BERLIN, LORD_HOWE)
EVERY_DAY = frozenset(range(7))
SCHOOL_DAYS = frozenset(range(5))


def unix(zone, *when):
    return int(datetime(*when, tzinfo=zone).timestamp())


def brute_holds(schedule, at, zone):
    """By listing, for yesterday and today, the minutes of the wall clock each window covers."""
    local = datetime.fromtimestamp(at, zone).replace(tzinfo=None)
    for back in (0, 1):
        day = local.date() - timedelta(days=back)
        if day in schedule.off:
            continue
        extra = dict(schedule.extra)
        if day in extra:
            windows = extra[day]
        else:
            windows = [(w.start, w.end) for w in schedule.windows if day.weekday() in w.days]
        for start, end in windows:
            begin = datetime.combine(day, start)
            finish = datetime.combine(day, end)
            if finish <= begin:
                finish += timedelta(days=1)
            if begin <= local < finish:
                return True
    return False


times = st.builds(time, st.integers(0, 23), st.sampled_from([0, 1, 15, 30, 59]))
dates = st.one_of(
    st.dates(date(2026, 3, 26), date(2026, 4, 7)), st.dates(date(2026, 10, 1), date(2026, 10, 28))
)
windows = st.builds(Window, st.frozensets(st.integers(0, 6)), times, times)


@st.composite
def schedules(draw):
    extra_days = draw(st.lists(dates, max_size=3, unique=True))
    pairs = st.lists(st.tuples(times, times), max_size=2).map(tuple)
    return Schedule(
        "s",
        tuple(draw(st.lists(windows, max_size=3))),
        draw(st.frozensets(dates, max_size=3)),
        tuple((day, draw(pairs)) for day in extra_days),
    )


@st.composite
def starts(draw, zone):
    day = draw(dates)
    return unix(
        zone, day.year, day.month, day.day, draw(st.integers(0, 23)), draw(st.integers(0, 59))
    )


@given(st.data(), schedules(), st.sampled_from(ZONES))
@settings(max_examples=30, deadline=None)
def test_switches_agree_with_every_minute(data, schedule, zone):
    start = data.draw(starts(zone))
    changes = dict(switches(schedule, start, 3, zone))
    state = brute_holds(schedule, start, zone)
    line = timeline(schedule, start, 3, zone)
    minute = start - start % 60 + 60
    for at in range(minute, start + 3 * 86400 + 1, 60):
        now = brute_holds(schedule, at, zone)
        assert changes.get(at, state) == now, datetime.fromtimestamp(at, zone)
        assert (at in changes) == (now != state)
        assert line.at(at) == now
        assert line.at(at - 1) == state
        state = now


@given(st.data(), schedules(), st.sampled_from(ZONES))
@settings(max_examples=200, deadline=None)
def test_holds_agrees_with_the_wall_clock(data, schedule, zone):
    at = data.draw(starts(zone)) + data.draw(st.integers(0, 3600))
    assert holds(schedule, at, zone) == brute_holds(schedule, at, zone)


def test_school_hours_twice_a_day():
    schedule = Schedule(
        "school",
        (Window(SCHOOL_DAYS, time(7), time(11, 30)), Window(SCHOOL_DAYS, time(13), time(17))),
    )
    monday = unix(HANOI, 2026, 9, 7)
    assert switches(schedule, monday, 1, HANOI) == [
        (monday + 7 * 3600, True),
        (monday + 11 * 3600 + 1800, False),
        (monday + 13 * 3600, True),
        (monday + 17 * 3600, False),
    ]
    assert switches(schedule, unix(HANOI, 2026, 9, 5), 2, HANOI) == []


def test_a_night_belongs_to_the_day_it_starts_on():
    friday_night = Schedule("n", (Window(frozenset({4}), time(22), time(6)),))
    assert holds(friday_night, unix(HANOI, 2026, 9, 11, 22), HANOI)
    assert holds(friday_night, unix(HANOI, 2026, 9, 12, 5, 59), HANOI)
    assert not holds(friday_night, unix(HANOI, 2026, 9, 12, 6), HANOI)
    assert not holds(friday_night, unix(HANOI, 2026, 9, 11, 5), HANOI)
    off_friday = Schedule("n", friday_night.windows, frozenset({date(2026, 9, 11)}))
    assert not holds(off_friday, unix(HANOI, 2026, 9, 12, 5), HANOI)
    off_saturday = Schedule("n", friday_night.windows, frozenset({date(2026, 9, 12)}))
    assert holds(off_saturday, unix(HANOI, 2026, 9, 12, 5), HANOI)


def test_an_exam_day_has_its_own_windows():
    schedule = Schedule(
        "school",
        (Window(SCHOOL_DAYS, time(7), time(17)),),
        extra=(
            (date(2026, 9, 7), ((time(8), time(9)),)),
            (date(2026, 9, 6), ((time(10), time(11)),)),
        ),
    )
    assert not holds(schedule, unix(HANOI, 2026, 9, 7, 7, 30), HANOI)
    assert holds(schedule, unix(HANOI, 2026, 9, 7, 8, 30), HANOI)
    assert holds(schedule, unix(HANOI, 2026, 9, 6, 10, 30), HANOI)  # a Sunday


def test_adjoining_windows_are_no_switch():
    schedule = Schedule(
        "s", (Window(EVERY_DAY, time(6), time(12)), Window(EVERY_DAY, time(12), time(18)))
    )
    day = unix(HANOI, 2026, 9, 7)
    assert [at - day for at, _ in switches(schedule, day, 1, HANOI)] == [6 * 3600, 18 * 3600]


def test_equal_edges_hold_for_a_whole_day():
    schedule = Schedule("s", (Window(frozenset({0}), time(8), time(8)),))
    monday = unix(HANOI, 2026, 9, 7, 8)
    assert switches(schedule, monday - 60, 3, HANOI) == [(monday, True), (monday + 86400, False)]


def test_hours_keep_their_clock_time_when_the_offset_changes():
    schedule = Schedule("s", (Window(EVERY_DAY, time(7), time(9)),))
    found = switches(schedule, unix(BERLIN, 2026, 3, 28), 3, BERLIN)
    clocks = [datetime.fromtimestamp(at, BERLIN).time() for at, _ in found]
    assert clocks == [time(7), time(9)] * 3
    assert found[2][0] - found[0][0] == 23 * 3600


def test_a_skipped_clock_time_switches_with_the_offset():
    schedule = Schedule("s", (Window(EVERY_DAY, time(2, 30), time(4)),))
    start = unix(BERLIN, 2026, 3, 29)
    gap = int(datetime(2026, 3, 29, 1, 0, tzinfo=UTC).timestamp())
    assert switches(schedule, start, 1, BERLIN)[0] == (gap, True)
