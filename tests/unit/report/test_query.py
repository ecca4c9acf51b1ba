import pytest

from filterd.model.verdict import Kind, Step
from filterd.report.base import SinkError
from filterd.report.privacy import Count
from filterd.report.query import Filter, read, summarise
from filterd.report.store import Retention, SqliteSink

SLOT = 1_770_000_000
assert SLOT % 300 == 0


@pytest.fixture
def path(tmp_path, event):
    path = tmp_path / "a report?.db"
    sink = SqliteSink(path, Retention())
    sink.write(
        [
            Count(SLOT, "grade-3", Kind.BLOCK, Step.LIST, "ads", "adverts", "Ads.example", 5),
            Count(SLOT + 300, "grade-9", Kind.BLOCK, Step.AGE, "games", "games", "play.example", 2),
            Count(SLOT + 300, "grade-3", Kind.PASS, Step.DEFAULT, None, None, None, 70),
            event(at=SLOT + 10.5, qname="www.ads.example", group="staff"),
            event(
                at=SLOT + 700,
                group="grade-9",
                qname="50%_off.example",
                kind=Kind.ALLOW,
                list=None,
                category=None,
            ),
        ],
        SLOT,
    )
    sink.close()
    return path


def test_newest_first(path):
    rows = read(path, Filter())
    assert [row.at for row in rows] == sorted((row.at for row in rows), reverse=True)
    assert len(rows) == 5


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(group="grade-3"), 2),
        (Filter(kind="block"), 3),
        (Filter(category="games"), 1),
        (Filter(name="ads.EXAMPLE"), 2),
        (Filter(name="%"), 1),
        (Filter(name="_"), 1),
        (Filter(name="' OR 1=1 --"), 0),
        (Filter(group="x' OR '1'='1"), 0),
        (Filter(since=SLOT + 300), 3),
        (Filter(since=SLOT + 299), 4),
        (Filter(until=SLOT + 300), 2),
        (Filter(since=SLOT + 600), 1),
        (Filter(limit=2), 2),
        (Filter(limit=-5), 1),
        (Filter(group="grade-3", kind="block", name="ads"), 1),
    ],
)
def test_filters(path, wanted, found):
    assert len(read(path, wanted)) == found


def test_an_aggregate_row_has_no_person_and_a_single_row_has(path):
    one, many = read(path, Filter(name="ads.example"))
    assert (one.client, one.qname, one.qtype, one.door, one.rcode) == (
        "192.0.2.7", "www.ads.example", 1, "udp", 0,
    )  # fmt: skip
    assert (many.client, many.qname, many.qtype, many.door, many.rcode) == (None,) * 5
    assert (one.n, many.n) == (1, 5)


def test_summary_counts_events_not_rows(path):
    summary = summarise(path, Filter(limit=10))
    assert summary.kinds == (("pass", 70), ("block", 8), ("allow", 1))
    assert summary.groups == (("grade-3", 75), ("grade-9", 3), ("staff", 1))
    assert summary.lists == (("ads", 6), ("games", 2))
    assert summary.categories == (("adverts", 6), ("games", 2))
    assert summary.names[0] == ("Ads.example", 5)


def test_summary_keeps_to_the_filter_and_the_limit(path):
    summary = summarise(path, Filter(kind="block", limit=1))
    assert summary.groups == (("grade-3", 5),)


def test_reading_works_while_the_daemon_writes(path, event):
    sink = SqliteSink(path, Retention())
    sink.write([event(at=SLOT + 1000)], SLOT)
    assert read(path, Filter())[0].at == SLOT + 1000
    sink.close()


def test_no_store_is_said_with_what_it_means(tmp_path):
    with pytest.raises(SinkError, match="nothing was recorded"):
        read(tmp_path / "none.db", Filter())


def test_a_damaged_store_is_said(tmp_path):
    path = tmp_path / "report.db"
    path.write_bytes(b"x" * 4096)
    with pytest.raises(SinkError, match="cannot be read"):
        read(path, Filter())
