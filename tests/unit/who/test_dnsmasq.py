from math import inf

from hypothesis import given
from hypothesis import strategies as st

from filterd.who.dnsmasq import Dnsmasq
from filterd.who.sighting import Sighting

MAC = "00:00:5e:00:53:07"
LEASES = f"""\
1767225600 {MAC.upper()} 192.0.2.7 Room-3 01:{MAC}
0 00:00:5e:00:53:08 192.0.2.8 * *
duid 00:01:00:01:2e:00:00:00:00:00:5e:00:53:01
1767225700 6298707 2001:db8::7 room-3 00:01:00:01:2e:00:00:00:{MAC}
1767225700 T6298707 2001:db8::8 * 00:03:00:01:{MAC}
1767225700 6298708 2001:db8::9 * 00:04:11:11
"""


def read(text: str) -> tuple[list[Sighting], int]:
    form = Dnsmasq()
    form.begin()
    return list(form.read(iter(text.splitlines(keepends=True)))), form.bad


def test_leases_of_both_families() -> None:
    found, bad = read(LEASES)
    assert bad == 0
    assert found == [
        Sighting("192.0.2.7", mac=MAC, host="room-3", until=1767225600),
        Sighting("192.0.2.8", mac="00:00:5e:00:53:08", until=inf),
        Sighting("2001:db8::7", mac=MAC, host="room-3", until=1767225700, claimed=True),
        Sighting("2001:db8::8", mac=MAC, until=1767225700, claimed=True),
        Sighting("2001:db8::9", until=1767225700, claimed=True),
    ]


def test_lines_that_are_no_leases_are_counted() -> None:
    found, bad = read("x\n1 2 3\n1767225600 m not-an-address h\n-1 m 192.0.2.1 h\n" + LEASES)
    assert (len(found), bad) == (5, 4)


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    found, bad = read(text)
    assert len(found) + bad <= len(text.splitlines())
