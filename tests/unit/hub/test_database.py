import pytest
from sqlalchemy import insert, select, text, update

from filterd.hub.database import DatabaseError, migrate, open_database, same_tables, shown
from filterd.hub.migrations import NEWEST
from filterd.hub.tables import metadata, months


def test_the_steps_lead_to_the_tables(database):
    with database.read() as connection:
        assert same_tables(connection, metadata) == []


def test_a_table_that_is_otherwise_is_seen(database):
    with database.write() as connection:
        connection.execute(text("ALTER TABLE month ADD COLUMN more INTEGER"))
    with database.read() as connection:
        assert [each[0] for each in same_tables(connection, metadata)] == ["remove_column"]


def test_migrating_twice_changes_nothing(url):
    assert migrate(url) == (None, NEWEST)
    assert migrate(url) == (NEWEST, NEWEST)


def test_an_empty_database_says_what_to_run(url):
    with pytest.raises(DatabaseError, match="filterd hub init"):
        open_database(url)


def test_a_newer_database_is_left_alone(database):
    url = database.engine.url.render_as_string(hide_password=False)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseError, match="newer filterd"):
        open_database(url)
    with pytest.raises(DatabaseError, match="newer filterd"):
        migrate(url)


def test_an_older_database_says_what_to_run(database, monkeypatch):
    url = database.engine.url.render_as_string(hide_password=False)
    monkeypatch.setattr("filterd.hub.database.NEWEST", "9999")
    with pytest.raises(DatabaseError, match="filterd hub migrate"):
        open_database(url)


@pytest.mark.parametrize(
    "address", ["mysql://host/x", "sqlite://", "sqlite:///:memory:", "no address"]
)
def test_other_kinds_are_refused(address):
    with pytest.raises(DatabaseError, match=r"sqlite:|address of a database"):
        open_database(address)


def test_a_server_that_is_not_there_is_one_clear_line(tmp_path):
    with pytest.raises(DatabaseError, match="postgresql") as told:
        open_database(f"postgresql://postgres:hush@/none?host={tmp_path}")
    assert "hush" not in str(told.value)
    assert "\n" not in str(told.value)


def test_passwords_are_not_shown():
    assert "hush" not in shown("postgresql://me:hush@host/name")


def test_a_failed_transaction_leaves_nothing(database):
    row = {"month": 0, "rule": "own", "bracket": "all", "deed": "block", "count": 1, "nodes": 1}

    def fails():
        with database.write() as connection:
            connection.execute(insert(months).values(**row))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    with database.read() as connection:
        assert connection.execute(select(months)).all() == []


def test_a_reader_sees_one_moment(database):
    row = {"month": 0, "rule": "own", "bracket": "all", "deed": "block", "count": 1, "nodes": 1}
    with database.write() as connection:
        connection.execute(insert(months).values(**row))
    with database.read() as reader:
        assert reader.execute(select(months.c.count)).scalar_one() == 1
        with database.write() as writer:
            writer.execute(update(months).values(count=2))
        assert reader.execute(select(months.c.count)).scalar_one() == 1
    with database.read() as reader:
        assert reader.execute(select(months.c.count)).scalar_one() == 2
