from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.who.dhcpd import Dhcpd
from filterd.who.sighting import Sighting, read_label

MAC = "00:00:5e:00:53:07"
V4 = """\
# The format of this file is documented in the dhcpd.leases(5) manual page.
authoring-byte-order little-endian;

server-duid "\\000\\001\\000\\001.\\000";

lease 192.0.2.7 {
  starts 4 2026/01/01 00:00:00;
  ends 4 2026/01/01 01:00:00;
  cltt 4 2026/01/01 00:00:00;
  binding state active;
  next binding state free;
  rewind binding state free;
  hardware ethernet 00:00:5e:00:53:07;
  uid "\\001\\000\\000^\\000S\\007";
  client-hostname "Room-3";
}
lease 192.0.2.8 {
  starts epoch 1767225600; # Thu Jan 01 00:00:00 2026
  ends never;
  binding state active;
  hardware ethernet 00:00:5e:00:53:08;
}
lease 192.0.2.7 {
  ends 4 2026/01/01 00:10:00;
  binding state free;
  hardware ethernet 00:00:5e:00:53:07;
}
"""
V6 = """\
ia-na "\\001\\000\\000\\000\\000\\003\\000\\001\\000\\000^\\000S\\007" {
  cltt 4 2026/01/01 00:00:00;
  iaaddr 2001:db8::7 {
    binding state active;
    preferred-life 375;
    max-life 600;
    ends 4 2026/01/01 00:10:00;
  }
}
ia-pd "\\001\\000\\000\\000\\000\\003\\000\\001\\000\\000^\\000S\\007" {
  iaprefix 2001:db8:1::/56 {
    binding state active;
    ends 4 2026/01/01 00:10:00;
  }
}
"""
NEW_YEAR = 1767225600.0


def read(*pieces: str) -> tuple[list[Sighting], int]:
    form = Dhcpd()
    form.begin()
    found = [each for text in pieces for each in form.read(iter(text.splitlines(keepends=True)))]
    return found, form.bad


def test_ipv4_leases_in_their_order() -> None:
    found, bad = read(V4)
    assert bad == 0
    assert found == [
        Sighting("192.0.2.7", mac=MAC, host="room-3", since=NEW_YEAR, until=NEW_YEAR + 3600),
        Sighting("192.0.2.8", mac="00:00:5e:00:53:08", since=NEW_YEAR, until=inf),
        Sighting("192.0.2.7", until=0),
    ]


def test_ipv6_leases_and_prefixes_have_the_device_of_their_duid() -> None:
    found, bad = read(V6)
    assert bad == 0
    assert found == [
        Sighting("2001:db8::7", mac=MAC, until=NEW_YEAR + 600, claimed=True),
        Sighting("2001:db8:1::/56", mac=MAC, until=NEW_YEAR + 600, claimed=True),
    ]


def test_a_lease_may_come_in_two_pieces() -> None:
    lines = V4.splitlines(keepends=True)
    for cut in range(len(lines)):
        assert read("".join(lines[:cut]), "".join(lines[cut:])) == read(V4)


def test_what_cannot_be_read_is_counted() -> None:
    assert read("lease nowhere {\n  ends never;\n}\nlease 192.0.2.7 {\n}\n") == ([], 2)
    assert read("lease 192.0.2.7 {\n  ends 4 2026/13/41 00:00:00;\n}\n") == ([], 1)


def host_of(written: str) -> str:
    text = V4.replace('"Room-3"', f'"{written}"')
    found, bad = read(text)
    assert (len(found), bad) == (3, 0)
    return found[0].host


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("iPad", "ipad"),
        ("1234", "1234"),
        ("a", "a"),
        (r"an\"iPad", 'an"ipad'),
        (r"\\101x", r"\101x"),
        (r"\303\251cole", "école"),
        ("Phòng", "phòng"),
    ],
)
def test_a_name_of_any_length_is_read_as_it_is_written(written: str, name: str) -> None:
    assert host_of(written) == name


def test_a_duid_with_four_characters_that_print_is_the_device_it_says() -> None:
    inside = r"\001\000\000\000\000\003\000\001\000\000abcd"
    found, bad = read(V6.replace(r"\001\000\000\000\000\003\000\001\000\000^\000S\007", inside))
    assert bad == 0
    assert [each.mac for each in found] == ["00:00:61:62:63:64"] * 2


STATEMENTS = st.sampled_from([*V4.splitlines(), *V6.splitlines(), '  client-hostname "\\9";', "}"])


@given(st.lists(STATEMENTS | st.text(), max_size=40))
def test_no_text_breaks_it(lines: list[str]) -> None:
    found, bad = read("\n".join(lines))
    assert len(found) + bad <= len(lines) + sum(map(len, lines))


@given(st.text())
def test_no_name_breaks_it_or_its_neighbours(name: str) -> None:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    text = V4.replace('"Room-3"', f'"{quoted}"')
    found, _bad = read(text)
    assert found[-2].address == "192.0.2.8"
    if not set("#{};").intersection(name) and name.splitlines() in ([name], []):
        assert found[0].host == read_label(name)
