"""The dialogue: what is likely is offered, what cannot be is asked again."""

import json

import pytest

from filterd.config.setup import SetupConfig, read_answers
from filterd.model.errors import ConfigError
from filterd.setup.account import Password
from filterd.setup.asking import NoAnswer, Person, ask_password, dialogue
from filterd.setup.links import Link, read_default, read_links, suggested
from filterd.setup.words import LEVELS, QUESTIONS, SAID

LINKS = (
    Link("eth0", True, ("192.0.2.10/24",)),
    Link("eth1", True, ("10.20.0.1/16", "2001:db8:20::1/64")),
    Link("eth2", False, ()),
)


def talk(*lines, before=None, language="en", **about):
    given, said = iter(lines), []

    def ask(text):
        said.append(text)
        line = next(given, None)
        if line is None:
            raise EOFError
        return line

    person = Person(ask, said.append, language, ask)
    return SetupConfig.model_validate(dialogue(person, LINKS, ("eth0",), before, **about)), said


def test_a_school_that_takes_what_is_offered():
    answers, said = talk(*[""] * 11)
    assert answers.lan == ("eth1",)
    assert answers.uplink == ("eth0",)
    assert answers.addresses == ("10.20.0.1/16", "2001:db8:20::1/64")
    assert answers.groups == ("primary",)
    assert answers.masquerade
    assert "  eth1            up    10.20.0.1/16, 2001:db8:20::1/64" in said


def test_a_larger_one_in_vietnamese():
    lines = (
        *("c", "eth1", "eth0", "10.20.0.1/16", "lower-secondary upper-secondary"),
        *("10.20.6.0/24", "", "10.20.10.0/24, 10.20.11.0/24", "10.20.9.0/24"),
        *("tls://192.0.2.1#dns.example", "k", "c", "k"),
    )
    answers, said = talk(*lines, language="vi")
    assert answers.language == "vi"
    assert answers.groups == ("grades-6-7", "grades-8-9", "grades-10-12")
    assert list(answers.networks) == ["grades-6-7", "grades-10-12", "staff"]
    assert [str(each) for each in answers.upstream] == ["tls://192.0.2.1#dns.example"]
    assert (answers.masquerade, answers.dhcp, answers.http) == (False, True, False)
    assert any("Internet" in each for each in said)


@pytest.mark.parametrize(
    "typed", ["mầm non, THCS", "MAM NON thcs", "preschool lower-secondary", "mầm non,thcs, thcs"]
)
def test_levels_are_named_as_the_country_does(typed):
    answers, said = talk("k", "10.20.0.1/16", typed, *[""] * 8, language="vi")
    assert answers.levels == ("preschool", "lower-secondary")
    levels = next(each for each in said if "Cấp học" in each)
    assert "mầm non, tiểu học, THCS, THPT" in levels
    assert levels.endswith("[tiểu học]: ")
    assert any("lớp 6 và 7" in each for each in said)


def test_another_level_is_asked_again():
    answers, said = talk("n", "10.20.0.1/16", "university", "primary", *[""] * 5)
    assert answers.levels == ("primary",)
    assert "  not usable: preschool, primary, lower-secondary, upper-secondary" in said


def test_what_an_empty_answer_means_is_told():
    lines = ("n", "10.20.0.1/16", "primary", "10.20.1.0/24", "", "192.0.2.1", "", "")
    first, said = talk(*lines)
    assert "Networks of primary (empty: none of their own): " in said
    assert "Resolvers to ask (empty: an Unbound on this machine, which needs none): " in said
    again, said = talk(*[""] * 3, "-", "", "-", "", "", before=first)
    assert "Networks of primary (-: none of their own) [10.20.1.0/24]: " in said
    assert any("(-: an Unbound on this machine" in each for each in said)
    assert "Networks of the staff (empty: none): " in said
    assert (again.networks, again.upstream) == ({}, ())


def test_what_cannot_be_is_asked_again():
    answers, said = talk("perhaps", "n", "10.20.0.1", "10.20.0.1/16", *[""] * 7)
    assert answers.gateway is False
    assert answers.addresses == ("10.20.0.1/16",)
    assert sum("not usable" in each for each in said) == 2


def test_the_last_answers_are_offered_the_next_time():
    first, _ = talk("n", "10.20.0.1/16", "upper-secondary", "10.20.1.0/24", *[""] * 4)
    again, _ = talk(*[""] * 8, before=first)
    assert again == first


def test_what_this_machine_has_not_is_asked_about():
    lines = ("eth7", "n", "eth1", "eth9", "y", "10.20.0.2/16", "", "10.20.0.1/24")
    answers, said = talk("y", *lines, *[""] * 7)
    assert (answers.lan, answers.uplink) == (("eth1",), ("eth9",))
    assert answers.addresses == ("10.20.0.1/24",)  # its length is the school's to say
    for strange in ("eth7", "eth9", "10.20.0.2/16"):
        asked = f"Not on this machine: {strange}. Is it right all the same? (y/n) [n]: "
        assert said.count(asked) == 1
    with pytest.raises(NoAnswer):
        talk("y", *("eth7", "n") * 9)
    _, said = talk("c", "eth7", "c", "eth0", "10.20.0.1/16", *[""] * 9, language="vi")
    assert any("Máy này không có: eth7" in each for each in said)


def test_an_interface_is_the_school_s_or_the_uplink_s():
    answers, said = talk("y", "eth0", "eth0", "eth1", *[""] * 9)
    assert (answers.lan, answers.uplink) == (("eth0",), ("eth1",))
    assert "  not usable: eth0 is among those of the school" in said
    assert "Interfaces to the internet: " in said  # the default route's is taken


def test_other_levels_leave_no_strict_group_of_the_old_ones():
    before = SetupConfig(
        language="en", addresses=("10.20.0.1/16",), lan=("eth1",), uplink=("eth0",),
        levels=("primary", "lower-secondary"), strict=("primary", "grades-6-7", "staff"),
    )  # fmt: skip
    answers, _ = talk("", "", "", "", "lower-secondary", *[""] * 9, before=before)
    assert answers.strict == ("grades-6-7", "staff")
    answers, _ = talk("", "", "", "", "upper-secondary", *[""] * 9, before=before)
    assert answers.strict == ("staff",)


def test_answers_that_do_not_fit_each_other_are_told():
    value = {"addresses": ("10.20.0.1/16",), "lan": ("eth1",), "uplink": ("eth1",)}
    with pytest.raises(ConfigError, match="eth1 is in `lan` and in `uplink`"):
        read_answers(value)


def test_the_http_filter_is_not_wanted_where_it_is_not():
    lines = ("n", "10.20.0.1/16", *[""] * 4)
    answers, said = talk(*lines, "", "y", "n", http=False)
    assert not answers.http
    assert any("sudo apt-get install ./filterd-http_*.deb" in each for each in said)
    before, _ = talk(*lines, "", "y")
    assert before.http
    again, _ = talk(*[""] * 8, before=before, http=False)
    assert not again.http


@pytest.mark.parametrize("lines", [(), ("y", "eth1"), ("?",) * 9])
def test_nobody_there_or_nothing_usable(lines):
    with pytest.raises(NoAnswer, match="--answers"):
        talk(*lines)


def secret(*typed, there=False, language="en"):
    given, said = iter(typed), []

    def hide(text):
        said.append(text)
        line = next(given, None)
        if line is None:
            raise EOFError
        return line

    person = Person(hide, said.append, language, hide)
    return ask_password(person, there=there), said


def test_a_password_is_typed_twice_and_shown_nowhere():
    password, said = secret("correct horse", "correct horse")
    assert password == Password("correct horse")
    assert "horse" not in repr(password)
    assert not any("horse" in each for each in said)


@pytest.mark.parametrize(("there", "word"), [(False, "no such account"), (True, "as it is")])
def test_an_empty_password_changes_nothing(there, word):
    password, said = secret("", there=there)
    assert password is None
    assert word in said[0]


def test_passwords_that_differ_or_are_short_are_asked_again():
    password, said = secret("short", "long enough 1", "long enough 2", *["long enough 3"] * 2)
    assert password == Password("long enough 3")
    assert sum("not usable" in each for each in said) == 2
    assert any("12 characters" in each for each in said)
    _, said = secret("ngắn", "", language="vi")
    assert any("ít nhất 12 ký tự" in each for each in said)


@pytest.mark.parametrize("typed", [(), ("long enough 1",), ("a\tb" * 9,) * 9, ("x" * 513,) * 9])
def test_nobody_types_a_password_or_none_that_can_be(typed):
    with pytest.raises(NoAnswer):
        secret(*typed)


def test_links_as_ip_prints_them():
    text = json.dumps(
        [
            {"ifname": "lo", "flags": ["LOOPBACK", "UP"], "addr_info": []},
            {},
            {
                "ifname": "eth1",
                "flags": ["BROADCAST", "UP"],
                "addr_info": [
                    {"family": "inet", "local": "10.20.0.1", "prefixlen": 16},
                    {"family": "inet6", "local": "fe80::1", "prefixlen": 64},
                ],
            },
        ]
    )
    assert read_links(text) == (Link("eth1", True, ("10.20.0.1/16",)),)
    assert read_default('[{"dst": "default", "dev": "eth0"}]') == ("eth0",)
    assert read_default("") == ()
    assert suggested(LINKS, ("eth0",)) == (("eth1",), ("eth0",))
    assert suggested(LINKS[2:], ()) == (("eth2",), ())


def test_both_languages_say_the_same_things():
    for words in (QUESTIONS, SAID, LEVELS):
        assert words["vi"].keys() == words["en"].keys()
