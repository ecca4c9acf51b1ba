"""RFC 4592: wildcards, in local records."""

import pytest

from tests.support.dnsclient import data_of

CONFIG = """\
groups: {g: {age: 18}}
default_group: g
records:
  - '*.example A 192.0.2.1'
  - 'host.example TXT here'
  - 'a.b.example A 192.0.2.2'
  - '*.c.example CNAME target.example.org'
"""


@pytest.fixture
def one(desk):
    return desk(CONFIG, ["target.example.org A 192.0.2.9"])


def test_2_1_1_the_wildcard_makes_a_record_of_the_name_asked(one):
    reply = one.ask("any.example")
    assert data_of(reply) == ["192.0.2.1"]
    assert reply.answer[0].name.to_text() == "any.example."


def test_2_2_1_it_covers_names_any_number_of_labels_below(one):
    assert data_of(one.ask("x.y.z.example")) == ["192.0.2.1"]


def test_2_2_1_an_existing_name_is_not_covered_even_for_another_type(one):
    reply = one.ask("host.example", "A")
    assert (reply.rcode(), data_of(reply)) == (0, [])
    assert data_of(one.ask("host.example", "TXT")) == ['"here"']


def test_2_2_2_an_empty_non_terminal_exists(one):
    reply = one.ask("b.example")
    assert (reply.rcode(), data_of(reply)) == (0, [])


def test_3_3_1_the_closest_encloser_decides(one):
    """Neither x.b.example nor x.host.example is covered: b and host exist, without wildcards."""
    for name in ("x.b.example", "x.host.example"):
        assert data_of(one.ask(name)) == [], name


def test_3_3_3_a_wildcard_cname(one):
    reply = one.ask("w.c.example")
    assert data_of(reply) == ["target.example.org.", "192.0.2.9"]


def test_2_1_3_asked_by_its_own_name(one):
    assert data_of(one.ask("*.example")) == ["192.0.2.1"]


def test_a_record_does_not_hide_the_public_names_above_it(desk):
    config = "groups: {g: {age: 18}}\ndefault_group: g\nrecords: [nas.school.example A 10.0.0.5]\n"
    one = desk(config, ["school.example A 192.0.2.3"])
    assert data_of(one.ask("school.example")) == ["192.0.2.3"]
    assert data_of(one.ask("nas.school.example")) == ["10.0.0.5"]
