import pytest
from sqlalchemy import select

from filterd.hub.people import PersonError, Role, add_person, end_person, find_person, list_people
from filterd.hub.tables import people
from tests.support.fleet import NOW_MS


@pytest.fixture
def connection(database):
    with database.write() as connection:
        yield connection


def test_a_token_is_somebody(connection):
    token = add_person(connection, "An operator", Role.OPERATOR, NOW_MS)
    found = find_person(connection, token)
    assert (found.name, found.role, found.province) == ("An operator", Role.OPERATOR, None)
    assert find_person(connection, token[:-1] + ("a" if token[-1] != "a" else "b")) is None
    assert find_person(connection, "") is None


def test_tokens_are_kept_as_hashes(connection):
    token = add_person(connection, "An operator", Role.OPERATOR, NOW_MS)
    row = connection.execute(select(people)).one()
    assert token not in str(tuple(row))


def test_who_was_ended_is_nobody(connection):
    token = add_person(connection, "An officer", Role.OFFICER, NOW_MS)
    end_person(connection, "An officer", NOW_MS + 1)
    assert find_person(connection, token) is None
    with pytest.raises(PersonError, match="to end"):
        end_person(connection, "An officer", NOW_MS + 2)
    assert [each.ended_at for each in list_people(connection)] == [NOW_MS + 1]


def test_a_name_is_used_once(connection):
    add_person(connection, "An officer", Role.OFFICER, NOW_MS)
    end_person(connection, "An officer", NOW_MS)
    with pytest.raises(PersonError, match="is or was"):
        add_person(connection, "An officer", Role.OFFICER, NOW_MS)


def test_a_province_goes_with_its_role_only(connection):
    token = add_person(connection, "North", Role.PROVINCE, NOW_MS, province="north")
    assert find_person(connection, token).province == "north"
    with pytest.raises(PersonError, match="province"):
        add_person(connection, "South", Role.PROVINCE, NOW_MS)
    with pytest.raises(PersonError, match="province"):
        add_person(connection, "South", Role.OFFICER, NOW_MS, province="south")


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 101])
def test_a_name_is_short_and_printable(connection, name):
    with pytest.raises(PersonError, match="name"):
        add_person(connection, name, Role.OFFICER, NOW_MS)
