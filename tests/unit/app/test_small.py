"""The small parts of the application floor."""

import grp
import os

import pytest

from filterd.app.attending import group_numbers
from filterd.app.deciding import list_argument
from filterd.app.listtext import ListText
from filterd.app.paths import config_path
from filterd.app.system_dns import nameservers, system_nameservers
from filterd.model.errors import RulesError

RESOLV = """\
# comment
nameserver 192.0.2.1
  nameserver 2001:db8::53%eth0
nameserver nonsense
nameserver 192.0.2.1
options edns0
nameserver 127.0.0.53
nameserver 192.0.2.2
nameserver 192.0.2.3
"""


def test_the_machines_own_resolvers_less_ourselves():
    assert nameservers(RESOLV, ["127.0.0.53"]) == ("192.0.2.1", "2001:db8::53", "192.0.2.2")
    assert nameservers("") == ()


def test_no_file_is_no_resolver(tmp_path):
    assert system_nameservers([], tmp_path / "none") == ()


def test_lines_of_a_list_by_number(tmp_path):
    path = tmp_path / "list"
    path.write_bytes(b"first\r\n\n third \xff\nlast")
    text = ListText(path)
    assert [text.line(n) for n in range(1, 5)] == ["first", "", "third \ufffd", "last"]
    assert text.line(0) is None
    assert text.line(5) is None


def test_an_empty_list_has_one_empty_line(tmp_path):
    (tmp_path / "list").write_bytes(b"")
    assert ListText(tmp_path / "list").line(2) is None


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("adblock=a.txt", ("adblock", {}, "a.txt")),
        ("hosts=/a/b=c,d.txt", ("hosts", {}, "/a/b=c,d.txt")),
        (
            "domains,subdomains,category=games=x",
            ("domains", {"subdomains": "", "category": "games"}, "x"),
        ),
        (
            "rpz,zone=rpz.example,min_age=16=x",
            ("rpz", {"zone": "rpz.example", "min_age": "16"}, "x"),
        ),
    ],
)
def test_a_list_on_the_command_line(text, read):
    assert list_argument(text) == read


@pytest.mark.parametrize(
    "text",
    ["", "adblock", "=x", "adblock=", "adblock,=x", "adblock,colour=x", "hosts,min_age=old=x"],
)
def test_what_is_no_list(text):
    with pytest.raises(RulesError):
        list_argument(text)


def test_where_the_configuration_is_looked_for():
    assert str(config_path("a.yaml", {"FILTERD_CONFIG": "b.yaml"})) == "a.yaml"
    assert str(config_path(None, {"FILTERD_CONFIG": "b.yaml"})) == "b.yaml"


def test_a_group_that_is_not_there_commands_nothing(caplog):
    own = os.getgid()
    assert group_numbers(grp.getgrgid(own).gr_name) == (own,)
    assert group_numbers(None) == ()
    assert caplog.text == ""
    assert group_numbers("no-such-group") == ()
    assert "no group no-such-group" in caplog.text
