from math import inf

from hypothesis import given
from hypothesis import strategies as st

from filterd.who.kea import Kea, before
from filterd.who.sighting import Sighting

MAC = "00:00:5e:00:53:07"
V4 = f"""\
address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id
192.0.2.7,{MAC},01:{MAC},3600,1767225600,1,0,0,room-3.school.test.,0,,0
192.0.2.8,{MAC},,3600,1767225600,1,0,0,,1,,0
192.0.2.9,{MAC},,0,1767225600,1,0,0,,0,,0
192.0.2.10,,,4294967295,1767225600,1,0,0,a&#x2cb,0,,0
"""
V6 = f"""\
address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state
2001:db8::7,00:03:00:01:{MAC},3600,1767225600,1,3000,0,1,128,0,0,room-3,,0
2001:db8:1::,00:04:11:22,3600,1767225600,1,3000,2,1,56,0,0,,{MAC},0
"""


def read(text: str) -> tuple[list[Sighting], int]:
    form = Kea()
    form.begin()
    return list(form.read(iter(text.splitlines(keepends=True)))), form.bad


def test_ipv4_leases() -> None:
    found, bad = read(V4)
    assert bad == 0
    began = 1767225600.0 - 3600
    assert found == [
        Sighting("192.0.2.7", mac=MAC, host="room-3.school.test", since=began, until=1767225600),
        Sighting("192.0.2.8", until=0),
        Sighting("192.0.2.9", until=0),
        Sighting("192.0.2.10", host="a,b", until=inf),
    ]


def test_ipv6_leases_and_delegated_prefixes() -> None:
    found, bad = read(V6)
    assert bad == 0
    assert all(each.claimed for each in found)
    assert [(each.address, each.mac, each.host) for each in found] == [
        ("2001:db8::7", MAC, "room-3"),
        ("2001:db8:1::/56", MAC, ""),
    ]


def test_other_lines_are_counted() -> None:
    assert read("192.0.2.7,x,y\n")[1] == 1
    assert read(V4 + "\n192.0.2.7,short\nnowhere,m,,1,2,3\n")[1] == 2


def test_which_files_a_cleanup_left(tmp_path) -> None:
    main = tmp_path / "kea-leases4.csv"
    assert before(main) == ()
    for end in ("1", "2", "output"):
        main.with_name(f"{main.name}.{end}").touch()
    assert [each.name for each in before(main)] == [f"{main.name}.2", f"{main.name}.1"]
    main.with_name(f"{main.name}.completed").touch()
    assert [each.name for each in before(main)] == [f"{main.name}.completed"]


@given(st.text(), st.sampled_from(["", V4.splitlines()[0] + "\n", V6.splitlines()[0] + "\n"]))
def test_no_text_breaks_it(text: str, head: str) -> None:
    found, bad = read(head + text)
    assert len(found) + bad <= len((head + text).splitlines())
