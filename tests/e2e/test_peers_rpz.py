"""Response policy zones mean here what they mean to BIND: the same zones, upstream and questions."""

import pytest

from tests.support.node import node
from tests.support.peers import bind, outcome
from tests.support.unbound import unbound

pytestmark = pytest.mark.real

STRANGER = "127.0.0.9"
WATCHED = "127.0.0.10"
CLIENTS = (WATCHED, "127.0.0.11", "127.0.0.12", "127.0.1.77")
HEAD = "$TTL 60\n@ SOA ns.{zone}. root.{zone}. 1 3600 600 86400 60\n  NS localhost.\n"
FIRST = """\
nx.example.com CNAME .
nodata.example.com CNAME *.
drop.example.com CNAME rpz-drop.
tcp.example.com CNAME rpz-tcp-only.
pass.tree.example.com CNAME rpz-passthru.
*.tree.example.com CNAME .
deep.tree.example.com CNAME *.
*.deep.tree.example.com CNAME rpz-passthru.
local.example.com A 192.0.2.200
local.example.com A 192.0.2.201
local.example.com AAAA 2001:db8::200
local.example.com TXT "from the zone"
mail.example.com MX 10 mx.example.com.
*.wild.example.com A 192.0.2.210
exact.wild.example.com CNAME .
moved.example.com CNAME www.example.com.
*.garden.example.com CNAME www.garden.example.com.
self.example.com CNAME self.example.com.
first.example.com CNAME rpz-passthru.
UPPER.example.com CNAME .
32.66.2.0.192.rpz-ip CNAME .
29.72.2.0.192.rpz-ip CNAME *.
32.73.2.0.192.rpz-ip CNAME rpz-passthru.
32.74.2.0.192.rpz-ip CNAME rpz-drop.
128.66.zz.db8.2001.rpz-ip CNAME .
named.ip.example.com CNAME rpz-passthru.
32.10.0.0.127.rpz-client-ip CNAME *.
32.11.0.0.127.rpz-client-ip A 192.0.2.230
32.12.0.0.127.rpz-client-ip CNAME rpz-passthru.
24.0.1.0.127.rpz-client-ip CNAME .
"""
SECOND = """\
first.example.com CNAME .
second.example.com CNAME .
nx.example.com CNAME rpz-passthru.
x.wild.example.com CNAME .
*.tree.example.com CNAME rpz-passthru.
32.75.2.0.192.rpz-ip CNAME .
"""
NAMES = {
    "www": "192.0.2.1",
    **dict.fromkeys(("nx", "nodata", "drop", "tcp", "below.nx", "mail", "local"), "192.0.2.2"),
    **dict.fromkeys(("tree", "a.tree", "pass.tree", "b.pass.tree", "deep.tree"), "192.0.2.3"),
    **dict.fromkeys(("c.deep.tree", "wild", "x.wild", "exact.wild", "y.x.wild"), "192.0.2.4"),
    **dict.fromkeys(("moved", "garden", "www.garden", "rose.garden", "self"), "192.0.2.5"),
    **dict.fromkeys(("first", "second", "upper", "below.first"), "192.0.2.6"),
    "ip": "192.0.2.66",
    "named.ip": "192.0.2.66",
    "net.ip": "192.0.2.72",
    "hole.ip": "192.0.2.73",
    "other.ip": "192.0.2.74",
    "later.ip": "192.0.2.75",
}
QUESTIONS = [
    *(
        (f"{name}.example.com", kind)
        for name in NAMES
        for kind in ("A", "AAAA")
        if name != "b.pass.tree"
    ),
    *((f"{name}.example.com", "TXT") for name in ("local", "nx", "nodata", "moved", "x.wild")),
    *((f"{name}.example.com", "MX") for name in ("mail", "www")),
    ("six.example.com", "AAAA"),
    ("missing.example.com", "A"),
]


@pytest.fixture(scope="module")
def ports(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rpz")
    zones = {f"{n}.rpz.example": HEAD.format(zone=f"{n}.rpz.example") for n in ("one", "two")}
    zones["one.rpz.example"] += FIRST
    zones["two.rpz.example"] += SECOND
    records = [f"{name}.example.com. 60 IN A {address}" for name, address in NAMES.items()]
    records += [f"{name}.example.com. 60 IN AAAA 2001:db8::1" for name in NAMES if "ip" not in name]
    records += ["six.example.com. 60 IN AAAA 2001:db8::66"]
    records += ['moved.example.com. 60 IN TXT "upstream"', 'www.example.com. 60 IN TXT "upstream"']
    lines = ['local-zone: "example.com." static', *(f"local-data: '{each}'" for each in records)]
    (folder / "filterd").mkdir()
    for name, text in zones.items():
        (folder / "filterd" / f"{name}.zone").write_text(text)
    with (
        unbound(folder / "unbound", None, *lines) as upstream,
        bind(folder / "bind", upstream.port, zones, "www.example.com") as theirs,
        node(folder / "filterd", config(upstream.port, zones)) as ours,
    ):
        yield theirs, ours.port


def config(upstream, zones):
    return {
        "upstream": {"servers": [f"127.0.0.1:{upstream}"]},
        "default_group": "all",
        "groups": {
            "all": {"age": 18, "safe_search": False, "youtube": "off", "bypass_protection": False}
        },
        "lists": {
            name.partition(".")[0]: {"format": "rpz", "path": f"{name}.zone", "zone": name}
            for name in zones
        },
    }


@pytest.mark.parametrize(("name", "kind"), QUESTIONS, ids=[f"{n}-{k}" for n, k in QUESTIONS])
def test_the_outcome_is_the_one_of_bind(ports, name, kind):
    theirs, ours = ports
    assert outcome(ours, name, kind, STRANGER) == outcome(theirs, name, kind, STRANGER)


@pytest.mark.parametrize("source", CLIENTS)
@pytest.mark.parametrize("name", ["www", "nx", "pass.tree", "local", "ip", "drop"])
def test_a_client_address_comes_before_names(ports, name, source):
    theirs, ours = ports
    expected = outcome(theirs, f"{name}.example.com", "A", source)
    assert outcome(ours, f"{name}.example.com", "A", source) == expected


def test_the_client_that_is_watched_gets_no_data(ports):
    assert outcome(ports[1], "www.example.com", "A", WATCHED) == ("NOERROR", False, ())


def test_a_wildcard_reaches_below_an_owner_here_but_not_in_bind(ports):
    # RFC 4592 section 3.3.1: in BIND the owner `pass.tree` hides `*.tree` from what is below it.
    name = "b.pass.tree.example.com"
    assert [outcome(port, name)[0] for port in ports] == ["NOERROR", "NXDOMAIN"]
