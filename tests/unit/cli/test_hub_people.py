import csv
import io
import json

import pytest
from sqlalchemy import select

from filterd.cli.main import main
from filterd.hub.audit import verify
from filterd.hub.database import migrate, open_database
from filterd.hub.enrolment import enrol, find_node
from filterd.hub.people import find_person
from filterd.hub.tables import audits, invitations
from tests.support.fleet import NOW_MS, Member


@pytest.fixture
def url(tmp_path):
    address = f"sqlite:///{tmp_path / 'hub.db'}"
    migrate(address)
    return address


@pytest.fixture
def hub(url, capsys):
    def run(*words):
        status = main(["hub", *words, "--database", url])
        told = capsys.readouterr()
        return status, told.out, told.err

    return run


def test_a_token_is_shown_once(hub):
    status, token, words = hub("people", "add", "An Officer", "--role", "officer")
    assert (status, token.count("\n")) == (0, 1)
    assert "shown this once" in words
    assert token.strip() not in hub("people", "list")[1]


def test_people_come_and_go(hub, url):
    added = json.loads(
        hub("people", "add", "North", "--role", "province", "--province", "north", "--json")[1]
    )
    assert hub("people", "end", "North")[0] == 0
    (row,) = json.loads(hub("people", "list", "--json")[1])
    assert (row["province"], row["ended"]) == ("north", True)
    database = open_database(url)
    with database.read() as connection:
        assert find_person(connection, added["token"]) is None
        assert verify(connection).broken is None
        assert set(connection.execute(select(audits.c.what)).scalars()) == {
            "add-person",
            "end-person",
        }
    database.close()


def test_an_invitation_enrols_and_a_node_is_ended_by_how_its_id_begins(hub, url):
    member = Member()
    code = json.loads(hub("invite", "School", "--province", "north", "--json")[1])["code"]
    database = open_database(url)
    with database.write() as connection:
        enrol(connection, code, member.key, "filterd", NOW_MS)
    assert hub("end", member.id[:10])[0] == 0
    with database.read() as connection:
        assert find_node(connection, member.id).ended_at is not None
    database.close()
    status, _, why = hub("end", member.id[:10])
    assert (status, "no node begins with" in why) == (2, True)


def test_a_table_of_schools_becomes_a_table_of_codes(hub, tmp_path, url):
    table = tmp_path / "schools.csv"
    table.write_text("\ufeffName,Province,Kind,Subscribers\nSchool 1,north,,\nNet,south,isp,1200\n")
    status, out, _ = hub("invite", "--table", str(table))
    rows = list(csv.DictReader(io.StringIO(out)))
    assert status == 0
    assert [(row["name"], row["province"]) for row in rows] == [
        ("School 1", "north"),
        ("Net", "south"),
    ]
    assert len({row["code"] for row in rows}) == 2
    database = open_database(url)
    with database.read() as connection:
        kept = connection.execute(select(invitations.c.kind, invitations.c.subscribers)).all()
    database.close()
    assert sorted(map(tuple, kept)) == [("isp", 1200), ("school", 1)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name\nx\n", "first line"),
        ("name,province,colour\nx,y,z\n", "first line"),
        ("name,province\nx\n", "line 2"),
        ("name,province\nx,y,z\n", "line 2"),
        ("name,province,subscribers\nx,y,many\n", "subscribers"),
        ("name,province\nSchool,north\n,north\n", "1 to 200"),
    ],
)
def test_a_bad_table_makes_no_code_at_all(hub, tmp_path, url, text, why):
    table = tmp_path / "schools.csv"
    table.write_text(text)
    status, out, told = hub("invite", "--table", str(table))
    assert (status, out) == (2, "")
    assert why in told
    database = open_database(url)
    with database.read() as connection:
        assert connection.execute(select(invitations)).all() == []
    database.close()


def test_half_an_invitation_says_what_is_missing(hub):
    status, _, why = hub("invite", "School")
    assert (status, "--province" in why) == (2, True)
