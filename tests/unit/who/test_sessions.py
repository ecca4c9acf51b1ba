"""Sessions: requests that come twice, late, out of order, or never."""

import pytest

from filterd.who.radius import Accounting, Status
from filterd.who.sessions import Sessions

MAC = "00:00:5e:00:53:07"
LASTING = 3600.0


def said(status: Status, session: bytes = b"1", **more: object) -> Accounting:
    return Accounting(status, session, **more)  # type: ignore[arg-type]


def users(sessions: Sessions) -> list[tuple[str, str]]:
    return sorted((each.user, each.address) for each in sessions.sightings())


@pytest.fixture
def sessions() -> Sessions:
    return Sessions(LASTING)


def test_a_session_from_its_start_to_its_end(sessions: Sessions) -> None:
    sessions.take("ap", said(Status.START, user="alice", mac=MAC), 100)
    assert sessions.look(100)
    assert users(sessions) == [("alice", "")]
    sessions.take("ap", said(Status.INTERIM, addresses=("192.0.2.7", "2001:db8::/64")), 200)
    assert users(sessions) == [("alice", "192.0.2.7"), ("alice", "2001:db8::/64")]
    assert {each.mac for each in sessions.sightings()} == {MAC}
    sessions.take("ap", said(Status.STOP), 300)
    assert users(sessions) == []
    assert sessions.look(300)
    assert not sessions.look(301)


def test_an_update_after_the_end_opens_nothing_a_start_does(sessions: Sessions) -> None:
    sessions.take("ap", said(Status.START, user="alice", at=100), 100)
    sessions.take("ap", said(Status.STOP, at=200), 200)
    sessions.take("ap", said(Status.INTERIM, user="alice", at=150), 201)
    sessions.take("ap", said(Status.INTERIM, user="alice", at=250), 251)
    sessions.take("ap", said(Status.START, user="alice", at=100), 252)  # sent again
    assert users(sessions) == []
    sessions.take("ap", said(Status.START, user="bob", at=300), 300)
    assert users(sessions) == [("bob", "")]


@pytest.mark.parametrize("restarted", [Status.ON, Status.OFF])
def test_who_is_heard_of_after_a_restart_was_not_ended_by_it(
    sessions: Sessions, restarted: Status
) -> None:
    sessions.take("ap", said(Status.START, user="alice", at=100), 100)
    sessions.take("ap", said(restarted, b"", at=200), 200)
    assert users(sessions) == []
    sessions.take("ap", said(Status.INTERIM, user="alice", at=150), 201)  # sent before, came late
    sessions.take("ap", said(Status.INTERIM, user="alice"), 202)  # nobody knows when
    assert users(sessions) == []
    sessions.take("ap", said(Status.INTERIM, user="alice", at=260), 260)
    assert users(sessions) == [("alice", "")]


def test_what_is_older_changes_nothing(sessions: Sessions) -> None:
    sessions.take("ap", said(Status.START, user="alice", at=100, addresses=("192.0.2.7",)), 100)
    sessions.take("ap", said(Status.INTERIM, at=200, addresses=("192.0.2.8",)), 200)
    sessions.take("ap", said(Status.INTERIM, at=150, addresses=("192.0.2.7",)), 201)
    sessions.take("ap", said(Status.STOP, at=90), 202)
    assert users(sessions) == [("alice", "192.0.2.8")]


def test_an_update_whose_start_was_lost_opens_the_session(sessions: Sessions) -> None:
    sessions.take("ap", said(Status.INTERIM, user="alice", addresses=("192.0.2.7",)), 100)
    assert users(sessions) == [("alice", "192.0.2.7")]


def test_sessions_of_two_nas_are_two(sessions: Sessions) -> None:
    sessions.take("one", said(Status.START, user="alice"), 100)
    sessions.take("two", said(Status.START, user="bob"), 100)
    sessions.take("one", said(Status.STOP), 101)
    assert users(sessions) == [("bob", "")]


@pytest.mark.parametrize("status", [Status.ON, Status.OFF])
def test_a_nas_that_restarts_ends_its_own(sessions: Sessions, status: Status) -> None:
    sessions.take("one", said(Status.START, b"1", user="alice"), 100)
    sessions.take("one", said(Status.START, b"2", user="carol"), 100)
    sessions.take("two", said(Status.START, b"1", user="bob"), 100)
    sessions.take("one", said(status, b""), 101)
    assert users(sessions) == [("bob", "")]


def test_of_access_points_behind_one_server_each_ends_its_own(sessions: Sessions) -> None:
    one, two = frozenset({(32, b"ap-1")}), frozenset({(32, b"ap-2")})
    sessions.take("server", said(Status.START, user="alice", mac=MAC, nas=one), 100)
    sessions.take("server", said(Status.START, user="bob", nas=two), 100)  # with the same id
    assert users(sessions) == [("alice", ""), ("bob", "")]
    sessions.take("server", said(Status.INTERIM, nas=two, addresses=("192.0.2.8",)), 101)
    assert users(sessions) == [("alice", ""), ("bob", "192.0.2.8")]
    sessions.take("server", said(Status.OFF, b"", nas=one), 102)
    assert users(sessions) == [("bob", "192.0.2.8")]
    sessions.take("server", said(Status.STOP, nas=one), 103)
    assert users(sessions) == [("bob", "192.0.2.8")]


def test_a_restart_that_says_less_of_its_nas_is_of_all_that_fit(sessions: Sessions) -> None:
    for name in (b"lobby", b"hall"):
        nas = frozenset({(4, b"\n\0\0\5"), (32, name)})
        sessions.take("server", said(Status.START, user=name.decode(), nas=nas), 100)
    sessions.take("server", said(Status.ON, b"", nas=frozenset({(4, b"\n\0\0\6")})), 101)
    assert len(users(sessions)) == 2
    sessions.take("server", said(Status.ON, b"", nas=frozenset({(4, b"\n\0\0\5")})), 102)
    assert users(sessions) == []


def test_a_session_without_a_word_ends(sessions: Sessions) -> None:
    sessions.take("ap", said(Status.START, user="alice"), 100)
    sessions.take("ap", said(Status.INTERIM), 1000)
    assert [each.until for each in sessions.sightings()] == [1000 + LASTING]
    sessions.look(1000 + LASTING)
    assert users(sessions) == []


def test_it_is_bounded(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filterd.who.sessions.MOST", 3)
    monkeypatch.setattr("filterd.who.sessions.MOST_ENDED", 3)
    for number in range(10):
        sessions.take("ap", said(Status.START, b"%d" % number, user=f"u{number}"), 100 + number)
    assert users(sessions) == [("u7", ""), ("u8", ""), ("u9", "")]
    for number in range(10):
        sessions.take("ap", said(Status.STOP, b"%d" % number), 200)
    assert len(sessions._ended) == 3
