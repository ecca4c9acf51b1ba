"""Lines of dnsmasq mean here what they mean to dnsmasq: the same lines, upstream and questions."""

import pytest

from tests.support.node import node
from tests.support.peers import dnsmasq, outcome
from tests.support.unbound import unbound

pytestmark = pytest.mark.real

LINES = """\
local=/local.example.com/
server=/server.example.com/
address=/empty.example.com/
address=/null.example.com/#
address=/zero.example.com/0.0.0.0
address=/zero.example.com/::
address=/four.example.com/192.0.2.200
address=/both.example.com/192.0.2.201
address=/both.example.com/2001:db8::201
address=/several.example.com/more.example.com/192.0.2.202
local=/a.example.com/
server=/open.a.example.com/#
local=/closed.open.a.example.com/
address=/answer.a.example.com/192.0.2.203
server=/b.example.com/#
address=/shut.b.example.com/#
address=/c.example.com/192.0.2.204
local=/gone.c.example.com/
address=/other.c.example.com/192.0.2.205
local=/*.star.example.com/
address=/UPPER.example.com/#
""".splitlines()
WORDS = """
    www local x.local server empty null y.null zero four z.four both several more
    a x.a open.a x.open.a closed.open.a y.closed.open.a answer.a x.answer.a
    b x.b shut.b y.shut.b c x.c gone.c y.gone.c other.c star x.star y.x.star upper
    notlocal locals
"""
TREES = tuple(WORDS.split())
ONE_FAMILY = frozenset({"four", "z.four", "several", "more", "c", "x.c", "other.c"})
# An answer inside a block: dnsmasq takes the block for the family that no line names.
NO_DATA = frozenset({"answer.a", "x.answer.a"})


@pytest.fixture(scope="module")
def ports(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dnsmasq")
    records = [f"{name}.example.com. 60 IN A 192.0.2.1" for name in TREES]
    records += [f"{name}.example.com. 60 IN AAAA 2001:db8::1" for name in TREES]
    lines = ['local-zone: "example.com." static', *(f"local-data: '{each}'" for each in records)]
    (folder / "filterd").mkdir()
    (folder / "filterd" / "list.conf").write_text("\n".join(LINES) + "\n")
    with (
        unbound(folder / "unbound", None, *lines) as upstream,
        dnsmasq(folder / "dnsmasq", upstream.port, LINES, "www.example.com") as theirs,
        node(folder / "filterd", config(upstream.port)) as ours,
    ):
        yield theirs, ours.port


def config(upstream):
    return {
        "upstream": {"servers": [f"127.0.0.1:{upstream}"]},
        "default_group": "all",
        "groups": {
            "all": {"age": 18, "safe_search": False, "youtube": "off", "bypass_protection": False}
        },
        "lists": {"lines": {"format": "dnsmasq", "path": "list.conf"}},
    }


@pytest.mark.parametrize("kind", ["A", "AAAA"])
@pytest.mark.parametrize("name", TREES)
def test_the_outcome_is_the_one_of_dnsmasq(ports, name, kind):
    theirs, ours = ports
    expected = outcome(theirs, f"{name}.example.com", kind)
    if kind == "AAAA" and name in ONE_FAMILY:
        # dnsmasq asks upstream for the family that no line names, which would let past what an
        # address page is meant to stop.
        assert expected[2] == ("2001:db8::1",)
        expected = "NOERROR", False, ()
    if kind == "AAAA" and name in NO_DATA:
        assert expected == ("NXDOMAIN", False, ())
        expected = "NOERROR", False, ()
    assert outcome(ours, f"{name}.example.com", kind) == expected
