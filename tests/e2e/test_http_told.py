"""What two workers and their daemon tell each other, with real clients through both: what one has
learned, label files that the daemon fetches for all, and counts that add up.
"""

import re
import sys
import time
from types import SimpleNamespace

import pytest

from filterd.http.labels.cache import LabelCache
from filterd.http.labels.files import files_for
from filterd.http.labels.keeping import FILE, KEY_FILE, load, read_secret
from filterd.model import handoff
from filterd.report.handoffs import FOLDER as HANDOFFS
from filterd.report.handoffs import list_handoffs
from tests.support import needs
from tests.support.http_world import BODY, http_filter, site
from tests.support.label_site import Said, label_site, own_address
from tests.support.node import eventually, filterd, node, start, wait_for
from tests.support.servers import free_port
from tests.support.tls import make_authority
from tests.support.unbound import unbound

pytestmark = pytest.mark.real

READ, GROWN = "127.0.0.30", "127.0.0.18"  # clients: one is inspected, one is 18
SERVER = own_address(91)  # where the sites are
LABELLED, SILENT, PINNED = "labelled.edu.vn", "silent.edu.vn", "pinned.edu.vn"
NAMES = (LABELLED, SILENT, PINNED, "blocked.edu.vn")
HURRIED = (sys.executable, "-m", "tests.support.hurried")
AGE_16 = Said(body=b'{"version": 1, "label": "film:T16"}', headers=(("Set-Cookie", "seen=1"),))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    python = needs.http_environment()
    needs.low_port(SERVER, 443)
    folder, proxy = tmp_path_factory.mktemp("told"), free_port()
    authority = make_authority(folder)
    certificate = authority.issue(*NAMES)
    records = [f'local-data: "{name}. 300 IN A {SERVER}"' for name in NAMES]
    files = {f"{LABELLED}/.well-known/age-label.json": AGE_16}
    with (
        unbound(
            tmp_path_factory.mktemp("unbound"),
            make_authority(tmp_path_factory.mktemp("dns")).issue("dns.example.test"),
            'local-zone: "edu.vn." static',
            *records,
        ) as resolver,
        label_site(certificate, files, (SERVER, 443)) as labels,
        site(certificate, (SERVER, 0)) as tls,
        site(address=(SERVER, 0)) as plain,
        node(folder, config(resolver, python, proxy, (tls, plain), authority), prefix=HURRIED) as n,
    ):
        made = filterd("http", "ca", "new", "-c", str(n.config))
        assert made.returncode == 0, made.stderr
        eventually((n.state / "http/ruling.json").exists)
        with http_filter(folder, proxy) as running:
            yield SimpleNamespace(node=n, filter=running, labels=labels, tls=tls, plain=plain)


def config(resolver, python, proxy, sites, authority):
    return {
        "upstream": {"servers": [f"127.0.0.1:{resolver.port}"]},
        "rebind": {"exceptions": list(NAMES)},
        "default_group": "pupils",
        "groups": {
            "pupils": {"age": 10},
            "grown": {"age": 18, "networks": [f"{GROWN}/32"]},
            "read": {"age": 10, "networks": [f"{READ}/32"]},
        },
        "block": ["blocked.edu.vn"],
        "http": {
            "listen": {"explicit": [f"127.0.0.1:{proxy}"]},
            "python": python,
            "workers": 2,
            "ports": [each.port for each in sites],
            "inspect": {"groups": ["read"]},
            "upstream_ca": str(authority.ca_file),
        },
    }


def _handoff(day, at):
    words = ("school-1", "a.example", "a-set", "entry-1", 1)
    return handoff.HandOff(f"HO-{day}-ABCDEFGHJK", at, *words, handoff.Distance.EXACT)


def test_what_one_worker_learned_the_other_knows(world):
    url, trust = f"https://{PINNED}:{world.tls.port}/", str(world.node.folder / "authority.pem")
    first = world.filter.curl(url, "--cacert", trust, client=READ)
    assert first.returncode == 60, first.stderr
    time.sleep(2.5)
    codes = [
        world.filter.curl(url, "--cacert", trust, client=READ).returncode for _ in range(14)
    ]  # of which one worker alone would get all once in 8,192 times
    assert codes == [0] * 14
    # Another client is inspected as before.
    assert world.node.metric("filterd_http_pinnings ") == 1


def test_label_files_are_fetched_once_and_say_what_they_say(world):
    for name in (LABELLED, SILENT):
        for _ in range(4):
            done = world.filter.curl(f"http://{name}:{world.plain.port}/")
            assert done.stdout.startswith(BODY.decode()), done
    folder = world.node.state / "http"
    eventually((folder / FILE).exists, 40)
    secret = read_secret(folder / KEY_FILE, lambda _n: pytest.fail("the daemon has made it"))
    cache = LabelCache(secret)
    assert load(cache, folder / FILE, time.time()) == 1
    assert cache.find(LABELLED, "/any/page", time.time()).min_age == 16
    assert b"edu.vn" not in (folder / FILE).read_bytes()
    eventually(lambda: world.node.metric("filterd_http_label_looks_total") == 2)
    wanted = [f"{name}{each.path}" for name in (LABELLED, SILENT) for each in files_for(name)]
    assert sorted(world.labels.lines) == sorted(wanted)
    assert not any("cookie" in each or "referer" in each for each in world.labels.headers)
    # Pupils of ten are kept from it by both workers, before it is asked; grown-ups are not.
    url = f"http://{LABELLED}:{world.plain.port}/any/page"
    eventually(lambda: world.filter.curl(url).stdout.endswith("\n403 000"))
    time.sleep(1.0)
    before = len(world.plain.asked)
    codes = [world.filter.curl(url).stdout[-7:] for _ in range(10)]
    assert codes == ["403 000"] * 10
    assert len(world.plain.asked) == before
    assert world.filter.curl(url, client=GROWN).stdout.startswith(BODY.decode())
    assert len(world.labels.lines) == len(wanted)
    assert world.node.metric('filterd_http_vn_sites{labelled="yes"}') == 1
    assert world.node.metric('filterd_http_vn_sites{labelled="no"}') == 1


def test_counts_of_both_workers_add_up(world):
    assert eventually(lambda: world.node.metric("filterd_http_workers ") == 2)
    assert eventually(lambda: world.node.metric("filterd_http_workers_behind ") == 0)
    passed = 'filterd_http_requests_total{act="pass",why="rule"}'
    blocked = 'filterd_http_requests_total{act="block",why="rule"}'
    spliced = 'filterd_http_connections_total{act="splice",why="rule"}'
    time.sleep(1.5)
    before = [world.node.metric(each) for each in (passed, blocked, spliced)]
    for _ in range(7):
        world.filter.curl(f"http://{SILENT}:{world.plain.port}/")
        world.filter.curl(f"http://blocked.edu.vn:{world.plain.port}/")
    for _ in range(5):
        world.filter.curl(f"https://{SILENT}:{world.tls.port}/", "-k")
    wanted = [before[0] + 7, before[1] + 7, before[2] + 5]
    eventually(lambda: [world.node.metric(e) for e in (passed, blocked, spliced)] == wanted)
    time.sleep(2.5)
    assert [world.node.metric(each) for each in (passed, blocked, spliced)] == wanted
    page = world.node.http("/metrics")[1]
    assert 'filterd_source_up{source="http"} 1.0' in page
    assert not re.search(r"edu\.vn|127\.0\.0\.30", page)


def test_a_worker_that_begins_later_is_told_and_a_daemon_that_begins_anew_too(world):
    before = world.filter.workers()
    world.node.process.kill()
    world.node.process.wait()
    world.filter.curl(f"http://{SILENT}:{world.plain.port}/")
    today = int(time.time()) // 300 * 300
    kept, old = (
        _handoff(day, at) for day, at in (("20261101", today), ("20200101", 1_577_836_800))
    )
    spool = world.node.state / HANDOFFS
    spool.mkdir()
    (spool / handoff.FILE).write_bytes(handoff.handoff_line(old) + handoff.handoff_line(kept))
    world.node.process = start(world.node.folder, HURRIED)
    wait_for(world.node, "/readyz")
    eventually(lambda: list_handoffs(spool).handoffs == (kept,))
    assert eventually(lambda: world.node.metric("filterd_http_pinnings ") == 1)
    # Counted while it was away, and once.
    name = 'filterd_http_requests_total{act="pass",why="rule"}'
    assert eventually(lambda: world.node.metric(name)) == 1
    world.filter.process.send_signal(1)
    eventually(lambda: not set(before) & set(world.filter.workers()), 60)
    time.sleep(2.5)
    url, trust = f"https://{PINNED}:{world.tls.port}/", str(world.node.folder / "authority.pem")
    codes = [world.filter.curl(url, "--cacert", trust, client=READ).returncode for _ in range(14)]
    assert codes == [0] * 14
