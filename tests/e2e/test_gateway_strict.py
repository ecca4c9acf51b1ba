"""Strict groups with the real kernel: what the daemon answers a pupil is open when the answer is
there, for its time, and nothing else is.
"""

import re
import socket
import subprocess
import threading

import pytest

from filterd.gateway.build import MOST_OPEN, RESOLVED_SIZE
from tests.support.node import eventually, filterd, node, write_config
from tests.support.school_wires import OUTSIDE, PUPIL
from tests.support.servers import free_port
from tests.support.strict_school import (
    BLOCKED,
    CLASSMATE,
    NAMES,
    STAFF,
    address,
    name,
    site,
    strict_school,
)
from tests.support.unbound import unbound

pytestmark = pytest.mark.real

REFUSED = "Connection refused"
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
BOTH = pytest.mark.parametrize("version", [4, 6])


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    with strict_school(tmp_path_factory.mktemp("school")) as made:
        yield made


@pytest.fixture
def gateway(school, tmp_path):
    """`gateway(...)` writes a configuration and applies it, and may be called again."""

    def applied(**said):
        config = school.config(**said)
        # The file of the node, which has its ports in it.
        file = write_config(tmp_path, config, free_port(), free_port())
        done = filterd("gateway", "apply", "-c", str(file))
        assert done.returncode == 0, done.stderr
        return config

    yield applied
    subprocess.run(["nft", "delete", "table", "inet", "filterd"], capture_output=True, check=False)


@BOTH
@pytest.mark.parametrize("workers", [1, 0], ids=["threads", "asyncio"])
def test_the_first_connection_after_an_answer_is_never_refused(
    school, gateway, tmp_path, version, workers
):
    config = gateway(workers=workers)
    with node(tmp_path, config) as running:
        for number in range(1, NAMES + 1):
            stream = number % 3 == 0
            if number % 2:  # it is in the cache when the pupil asks
                school.ask(name(number), version, who=STAFF)
            found = school.ask(name(number), version, stream=stream)
            met = [school.meets(each) for each in found]
            assert (number, found, met) == (number, [address(number, version)], ["answered"])
        never = [address(number, version) for number in range(NAMES + 1, NAMES + 10)]
        assert {school.meets(each) for each in never} == {REFUSED}
        assert len(school.open_to(version)) == NAMES
        assert running.metric("filterd_gateway_opened_total") == NAMES
        assert running.metric("filterd_gateway_failures_total") == 0
        assert running.status()["warnings"] == []


def test_only_what_a_pupil_was_answered_is_open(school, gateway, tmp_path):
    with node(tmp_path, gateway()):
        for version in (4, 6):
            where = address(BLOCKED, version)
            assert school.ask(name(BLOCKED), version, who=STAFF) == [where]
            assert where not in school.ask(name(BLOCKED), version)
            assert school.meets(where) == REFUSED
            assert school.ask(name(7), version, who=STAFF) == [address(7, version)]
            assert school.meets(address(7, version)) == REFUSED
            assert school.open_to(version) == []
        assert school.ask("own.example", 4) == [address(240, 4)]
        assert school.meets(address(240, 4)) == "answered"


@BOTH
def test_a_packet_from_outside_does_not_open_the_way_back(school, gateway, version):
    gateway()
    with school.wires.at(school.wires.internet):
        outside = socket.socket(FAMILIES[version], socket.SOCK_DGRAM)
    with school.wires.at(school.wires.pupil):
        inside = socket.socket(FAMILIES[version], socket.SOCK_DGRAM)
    with outside, inside:
        outside.settimeout(2)
        inside.settimeout(5)
        outside.bind((OUTSIDE[version], 0))
        inside.bind((PUPIL[version], 0))
        outside.sendto(b"come", inside.getsockname()[:2])
        assert inside.recvfrom(10)[0] == b"come"
        inside.sendto(b"a tunnel", outside.getsockname()[:2])
        with pytest.raises(TimeoutError):
            outside.recvfrom(10)


def test_after_its_time_an_address_is_closed_until_it_is_asked_for_again(school, gateway, tmp_path):
    with node(tmp_path, gateway(grace="0s", least="1s")):
        for _ in range(2):
            (found,) = school.ask("short.site.example", 4)
            assert school.meets(found) == "answered"
            eventually(lambda where=found: school.meets(where) == REFUSED, 10)
            assert school.open_to(4) == []


def test_asked_for_again_an_address_stays_longer(school, gateway, tmp_path):
    with node(tmp_path, gateway(grace="0s", least="2s")):
        for _ in range(12):  # six seconds, where three are given
            (found,) = school.ask("short.site.example", 4)
            assert school.meets(found) == "answered"
            threading.Event().wait(0.5)


def test_what_was_open_stays_over_a_restart_of_the_daemon_and_is_renewed(school, gateway, tmp_path):
    config = gateway()
    with node(tmp_path, config):
        school.ask(name(1), 4)
    assert school.meets(address(1, 4)) == "answered"
    config["gateway"]["egress"] |= {"least": "6h"}
    with node(tmp_path, config) as running:
        school.ask(name(1), 4)
        assert school.meets(address(1, 4)) == "answered"
        assert running.metric("filterd_gateway_failures_total") == 0
    listed = ["nft", "list", "set", "inet", "filterd", "resolved_pupils4"]
    told = subprocess.run(listed, capture_output=True, text=True, check=True).stdout
    assert re.search("timeout (9h|8h59m59s)", told), told


def test_tables_replaced_while_pupils_browse_lose_nothing(school, gateway, tmp_path):
    config = gateway()
    met, ended = [], threading.Event()

    def browse():
        for number in range(1, NAMES + 1):
            (found,) = school.ask(name(number), 4)
            met.append(school.meets(found))
        ended.set()

    with node(tmp_path, config):
        browsing = threading.Thread(target=browse)
        browsing.start()
        changes = 0
        while not ended.is_set() or changes < 3:
            changes += 1
            config["gateway"]["doh"] = [f"192.0.2.{changes}"]
            write_config(tmp_path, config, free_port(), free_port())
            done = filterd("gateway", "apply", "-c", str(tmp_path / "filterd.yaml"))
            assert "set doh4 {" in done.stdout or "elements" in done.stdout, done.stderr
        browsing.join()
        assert met == ["answered"] * NAMES
        assert {school.meets(address(n, 4)) for n in range(1, NAMES + 1)} == {"answered"}


def fill(version, more):
    """Put so many addresses into the pupils' set, as a daemon before this one may have."""
    form = "11.{}.{}.{}" if version == 4 else "2001:db8:bad::{:x}:{:x}:{:x}"
    each = (form.format(n >> 16, n >> 8 & 255, n & 255) + " timeout 1h" for n in range(more))
    text = f"add element inet filterd resolved_pupils{version} {{ {', '.join(each)} }}\n"
    subprocess.run(["nft", "-f", "-"], input=text, text=True, check=True)


def test_a_pupil_with_70000_addresses_of_his_own_closes_nothing(school, gateway, tmp_path):
    names, share = 70_000 // 32, MOST_OPEN // 4
    own = [
        f'local-data: "own{n // 32}.example. 86400 IN A 9.{n >> 16}.{n >> 8 & 255}.{n & 255}"'
        for n in range(32 * names)
    ]
    config = gateway()
    with unbound(tmp_path / "own", None, *site(), *own) as server:
        config["upstream"] = {"servers": [f"127.0.0.1:{server.port}"]}
        with node(tmp_path, config) as running:
            for number in range(names):
                assert len(school.ask(f"own{number}.example", 4, stream=True)) == 32
                if number % 20 == 0:
                    used = number // 20 + 1
                    assert school.ask(name(used), 4, who=CLASSMATE) == [address(used, 4)]
            met = {school.meets(address(number, 4)) for number in range(1, used + 1)}
            assert met == {"answered"}
            assert len(school.open_to(4)) == share + used
            beyond = running.metric('filterd_gateway_failures_total{reason="share"}')
            assert beyond == 32 * names - share
            assert "one client holds a quarter" in running.status()["warnings"][0]
            # The set is filled behind its back: all that is held gets in step in one go.
            fill(4, RESOLVED_SIZE - share - used)
            assert school.ask(name(NAMES), 4, who=CLASSMATE) == [address(NAMES, 4)]
            met = {school.meets(address(number, 4)) for number in (*range(1, used + 1), NAMES)}
            assert met == {"answered"}
            assert len(school.open_to(4)) == share + used + 1
            assert running.metric('filterd_gateway_failures_total{reason="full"}') == 0


@BOTH
def test_a_set_that_was_full_before_the_daemon_began(school, gateway, tmp_path, version):
    config = gateway()
    fill(version, RESOLVED_SIZE)
    with node(tmp_path, config) as running:
        for number in (1, 2):
            (found,) = school.ask(name(number), version)
            assert school.meets(found) == "answered"
        assert sorted(school.open_to(version)) == [address(1, version), address(2, version)]
        assert running.metric("filterd_gateway_failures_total") == 0


def test_of_a_long_reply_32_addresses_are_open_and_it_is_believed_for_an_hour(
    school, gateway, tmp_path
):
    many = (f'local-data: "many.example. 86400 IN A {address(n, 4)}"' for n in range(1, 41))
    config = gateway()
    with unbound(tmp_path / "many", None, *many) as server:
        config["upstream"] = {"servers": [f"127.0.0.1:{server.port}"]}
        with node(tmp_path, config):
            reply = school.answer("many.example", 4, stream=True)
            (rrset,) = reply.answer
            assert rrset.ttl == 3600
            found = [str(rr) for rr in rrset]
            assert [school.meets(each) for each in found] == ["answered"] * 32 + [REFUSED] * 8
            assert school.answer("many.example", 4, stream=True, who=STAFF).answer[0].ttl > 86_000


def test_a_table_taken_away_and_applied_again_has_all_of_it_at_once(school, gateway, tmp_path):
    config = gateway()
    with node(tmp_path, config) as running:
        for number in range(1, 21):
            school.ask(name(number), 4)
        subprocess.run(["nft", "delete", "table", "inet", "filterd"], check=True)
        assert school.ask(name(30), 4) == [address(30, 4)], "answered all the same"
        absent = 'filterd_gateway_failures_total{reason="absent"}'
        assert running.metric(absent) == 1
        assert "run `filterd gateway apply`" in running.status()["warnings"][0]
        done = filterd("gateway", "apply", "-c", str(running.config))
        assert (done.returncode, done.stderr) == (0, "")
        for number in (*range(1, 21), 30):
            assert school.meets(address(number, 4)) == "answered"


def test_while_learning_sets_are_filled_and_nothing_is_refused(school, gateway, tmp_path):
    with node(tmp_path, gateway(enforce=False)):
        (found,) = school.ask(name(3), 6)
        assert school.meets(address(4, 6)) == "answered"
        assert school.meets(found) == "answered"
        assert school.open_to(6) == [found]


def test_without_the_right_names_are_answered_and_it_is_told(school, gateway, tmp_path):
    config = gateway()
    bare = ("setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin")
    with node(tmp_path, config, prefix=bare) as running:
        assert school.ask(name(1), 4) == [address(1, 4)]
        assert school.meets(address(1, 4)) == REFUSED
        denied = 'filterd_gateway_failures_total{reason="denied"}'
        assert running.metric(denied) == 1
        told = " ".join(running.status()["warnings"])
        assert "CAP_NET_ADMIN" in told


def test_a_reload_makes_a_group_strict_or_not(school, gateway, tmp_path):
    config = gateway()
    with node(tmp_path, config) as running:
        running.reload({"gateway": config["gateway"] | {"egress": {"groups": []}}})
        school.ask(name(1), 4)
        assert school.open_to(4) == []
        running.reload({"gateway": config["gateway"]})
        school.ask(name(1), 4)
        assert school.open_to(4) == [address(1, 4)]


def test_the_firewall_s_counts_are_metrics_by_group_and_never_by_client(school, gateway, tmp_path):
    config = gateway()
    school.meets(address(9, 4))
    with node(tmp_path, config) as running:
        start = 'filterd_gateway_packets_total{group="pupils",rule="gate"}'
        assert eventually(lambda: running.metric(start)) == 1
        page = running.http("/metrics")[1]
        assert not any(client in page for client in ("10.77.0.2", "10.77.0.3", "203.0.113"))
