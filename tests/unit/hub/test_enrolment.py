from dataclasses import replace

import pytest
from sqlalchemy import select

from filterd.feed.keys import public_key
from filterd.hub.enrolment import (
    EnrolmentError,
    Invited,
    end_node,
    enrol,
    find_node,
    invite,
    note_skew,
)
from filterd.hub.tables import invitations, nodes
from filterd.model.order import PublicKey
from tests.support.fleet import NOW_MS, Member

SCHOOL = Invited("Example school", "north")


@pytest.fixture
def connection(database):
    with database.write() as connection:
        yield connection


def test_a_code_makes_a_node_of_a_key(connection):
    member = Member()
    code = invite(connection, Invited("North net", "north", "isp", 120_000), NOW_MS)
    node = enrol(connection, code, member.key, "filterd 1", NOW_MS + 5)
    assert (node.id, node.name, node.kind, node.subscribers) == (
        member.id,
        "North net",
        "isp",
        120_000,
    )
    assert node.key == member.key
    assert find_node(connection, member.id) == node


def test_a_code_may_be_typed_otherwise(connection):
    code = invite(connection, SCHOOL, NOW_MS)
    typed = code.replace("-", " ").upper()
    assert enrol(connection, typed, Member().key, "filterd", NOW_MS).name == "Example school"


def test_codes_are_kept_as_hashes(connection):
    code = invite(connection, SCHOOL, NOW_MS)
    row = connection.execute(select(invitations)).one()
    assert len(code.replace("-", "")) == 32
    assert code.encode() not in b"".join(str(value).encode() for value in row)
    assert len(row.code_hash) == 32


def test_a_code_is_used_once(connection):
    code = invite(connection, SCHOOL, NOW_MS)
    enrol(connection, code, Member().key, "filterd", NOW_MS)
    with pytest.raises(EnrolmentError, match="was used"):
        enrol(connection, code, Member().key, "filterd", NOW_MS)


def test_a_node_that_lost_the_answer_asks_again(connection):
    code, member = invite(connection, SCHOOL, NOW_MS), Member()
    first = enrol(connection, code, member.key, "filterd", NOW_MS)
    assert enrol(connection, code, member.key, "filterd", NOW_MS + 9) == first


def test_a_code_expires(connection):
    code = invite(connection, replace(SCHOOL, lifetime=60), NOW_MS)
    with pytest.raises(EnrolmentError, match="expired"):
        enrol(connection, code, Member().key, "filterd", NOW_MS + 60_001)


def test_a_code_that_nobody_gave_is_refused(connection):
    with pytest.raises(EnrolmentError, match="not known"):
        enrol(connection, "aaaaaaaa-aaaaaaaa", Member().key, "filterd", NOW_MS)


def test_a_key_is_one_node(connection):
    member = Member()
    enrol(connection, invite(connection, SCHOOL, NOW_MS), member.key, "filterd", NOW_MS)
    with pytest.raises(EnrolmentError, match="which is enrolled"):
        enrol(connection, invite(connection, SCHOOL, NOW_MS), member.key, "filterd", NOW_MS)
    end_node(connection, member.id, NOW_MS)
    with pytest.raises(EnrolmentError, match="which is ended"):
        enrol(connection, invite(connection, SCHOOL, NOW_MS), member.key, "filterd", NOW_MS)


@pytest.mark.parametrize(
    "changed",
    [
        {"id": "0" * 64},
        {"public": "00" * 31},
        {"public": "no hex"},
        {"keytype": "rsa"},
        {"scheme": "rsassa-pss-sha256"},
    ],
)
def test_an_id_that_is_not_that_of_the_key_is_refused(connection, changed):
    key = replace(Member().key, **changed)
    with pytest.raises(EnrolmentError, match="key"):
        enrol(connection, invite(connection, SCHOOL, NOW_MS), key, "filterd", NOW_MS)


def test_a_key_in_capitals_is_another_spelling_and_refused(connection):
    key = Member().key
    loud = PublicKey(key.id, key.keytype, key.scheme, key.public.upper())
    with pytest.raises(EnrolmentError, match="key"):
        enrol(connection, invite(connection, SCHOOL, NOW_MS), loud, "filterd", NOW_MS)


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "home"},
        {"name": ""},
        {"name": "a\nb"},
        {"province": "x" * 33},
        {"subscribers": 0},
        {"lifetime": 10**9},
    ],
)
def test_an_invitation_that_makes_no_sense_is_refused(connection, changed):
    with pytest.raises(EnrolmentError):
        invite(connection, replace(SCHOOL, **changed), NOW_MS)


@pytest.mark.parametrize("software", ["", "a\x00b", "x" * 201])
def test_software_is_a_short_text(connection, software):
    with pytest.raises(EnrolmentError, match="software"):
        enrol(connection, invite(connection, SCHOOL, NOW_MS), Member().key, software, NOW_MS)


def test_nobody_is_ended_twice(connection):
    with pytest.raises(EnrolmentError, match="no node"):
        end_node(connection, "0" * 64, NOW_MS)


def test_skew_is_kept_and_not_written_at_each_request(connection):
    member = Member()
    enrol(connection, invite(connection, SCHOOL, NOW_MS), member.key, "filterd", NOW_MS)

    def seen():
        return connection.execute(select(nodes.c.skew, nodes.c.seen_at)).one()

    note_skew(connection, member.id, 0, NOW_MS + 1000)
    assert tuple(seen()) == (0, NOW_MS)
    note_skew(connection, member.id, 40, NOW_MS + 2000)
    assert tuple(seen()) == (40, NOW_MS + 2000)
    note_skew(connection, member.id, 40, NOW_MS + 62_001)
    assert tuple(seen()) == (40, NOW_MS + 62_001)
    note_skew(connection, member.id, 2**40, NOW_MS + 62_002)
    assert seen().skew == 2**31 - 1


def test_a_key_id_is_that_of_the_signer():
    member = Member()
    assert public_key(member.signer) == member.key
