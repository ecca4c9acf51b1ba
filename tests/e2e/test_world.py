"""A school's day from end to end, in one world (`tests/support/world.py`): what is open, what is blocked
by age and by order, every way round the filter that docs/bypass.md lists, and then a daemon that is
killed, a new version, and a box that is started again. The tests are one story, in this order.
"""

import threading
import time
from contextlib import ExitStack, contextmanager, suppress

import pytest

from tests.e2e.test_bypass import not_at_an_hour
from tests.e2e.test_feed import Ministry
from tests.support import ways_round
from tests.support.box import patiently
from tests.support.chromium import browser, trust
from tests.support.gateway import within
from tests.support.internet import BOTH, NAMELESS, ROGUE, WEB_ELSEWHERE, address, page, site
from tests.support.load import Steady
from tests.support.node import eventually
from tests.support.ways_round import AT_ONCE, KINDS, PACE, PROHIBITED, REFUSED
from tests.support.world import DAEMON, FIREWALL, HTTP, PAGE, TEACHER, world

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]
NAMES = (site("open"), site("games"), site("ordered"))


@pytest.fixture(scope="module")
def ministry(tmp_path_factory):
    return Ministry(tmp_path_factory.mktemp("ministry"))


@pytest.fixture(scope="module")
def school(tmp_path_factory, ministry):
    with world(tmp_path_factory.mktemp("world"), ministry.feed) as made:
        yield made


@pytest.fixture(scope="module")
def authorities(school):
    """What the school's devices trust: its own authority for pages that are explained."""
    return school.trusted()


def asked(host, name, version):
    """The addresses that a device is answered, over that family too."""
    kind = KINDS[version]
    return host.dig(f"@{host.gateway[version]}", site(name), kind).data(kind)


def has(host, name):
    """Whether a device is answered with a site, or with the address of the page that explains; what
    it is answered where that is neither, or not the same over both families.
    """
    found = [asked(host, name, version) for version in BOTH]
    if found == [[address(name, version)] for version in BOTH]:
        return True
    return False if found == [[PAGE[version]] for version in BOTH] else found


def test_every_name_that_suits_is_answered_and_its_page_comes(school, authorities):
    for host in school.everybody:
        patiently(lambda host=host: has(host, "open") is True)  # the first wakes the wires
        for version in BOTH:
            for url in (f"http://{site('open')}/", f"https://{site('open')}/"):
                done = host.curl(url, version, "--cacert", str(authorities))
                assert page("open") in done.stdout, done
                assert done.stdout.endswith("\n200")


def test_age_blocks_a_pupil_a_guest_what_is_for_adults_and_staff_nothing(school):
    patiently(lambda: has(school.staff, "games") is True)  # the teacher's device is known by now
    found = {
        name: [has(host, name) for host in school.everybody]
        for name in ("games", "grown", "tricks")
    }
    assert found == {
        "games": [False, True, True],
        "grown": [False, True, False],
        "tricks": [False, True, False],
    }


@pytest.mark.parametrize("version", BOTH)
def test_a_page_says_that_it_is_the_age(school, authorities, version):
    for url in (f"http://{site('games')}/", f"https://{site('games')}/"):
        done = school.pupil.curl(url, version, "--cacert", str(authorities))
        assert "Theo độ tuổi" in done.stdout, done.stderr
        assert done.stdout.endswith("\n403")
    plain = school.guest.curl(f"http://{site('grown')}/", version)
    assert plain.stdout.endswith("\n403")
    # Guests bring their own devices, which trust the school with nothing.
    cut = school.guest.curl(f"https://{site('grown')}/", version, "--cacert", str(authorities))
    assert (cut.returncode, cut.stdout) == (35, "\n000")


def test_an_order_is_in_force_for_everybody_and_its_page_says_whose_it_is(
    school, authorities, ministry
):
    for host in school.everybody:
        assert has(host, "ordered") is True
    ministry.publish(ministry.order(site("ordered"))[1])
    for host in school.everybody:
        patiently(lambda host=host: has(host, "ordered") is False)
        assert has(host, "open") is True
    for version in BOTH:
        url = f"https://{site('ordered')}/"
        done = school.pupil.curl(url, version, "--cacert", str(authorities))
        assert done.stdout.endswith("\n451"), done
        assert "1/QD" in done.stdout


def test_a_browser_shows_the_open_page_and_the_reason_of_the_others(school, tmp_path):
    (tmp_path / "ours.pem").write_text(school.authority())
    trust(tmp_path, tmp_path / "ours.pem", school.internet.authority.ca_file)
    flags = ("--disable-features=HttpsUpgrades", "--accept-lang=vi,en")
    with browser(*flags, home=tmp_path, prefix=school.pupil.prefix()) as seen:
        for number in range(2):  # the second time it knows of HTTP/3, and tries
            seen.go(f"https://{site('open')}/?{number}")
            assert page("open") in seen.html()
        for name, reason in (("games", "Theo độ tuổi"), ("ordered", "1/QD")):
            for scheme in ("http", "https"):
                seen.go(f"{scheme}://{site(name)}/")
                assert (reason in seen.html(), page(name) in seen.html()) == (True, False)


def test_nothing_of_all_that_is_a_sign_of_going_round(school):
    assert school.told() == {}


def test_the_keys_that_hide_names_are_not_in_our_answers(school):
    for host, has_keys in ((school.pupil, False), (school.guest, False), (school.staff, True)):
        (data,) = host.dig(site("open"), "HTTPS").data("HTTPS")
        assert ("ech=" in data, "ipv4hint" in data) == (has_keys, True)


@pytest.mark.parametrize("version", BOTH)
def test_quic_is_refused_at_once_however_often_a_browser_tries(school, version):
    for host in (school.pupil, school.guest):
        for _ in range(30):  # with the kernel's own measure, the seventh would meet silence
            met, seconds = host.reach("udp", address("open", version), 443)
            assert (met, seconds < AT_ONCE) == (PROHIBITED[version], True)
            time.sleep(PACE)
    assert school.staff.reach("udp", address("open", version), 443)[0] == "answered"


def test_a_forged_address_of_a_site_shows_its_block_all_the_same(school):
    for version in BOTH:
        by_heart = ("--resolve", f"{site('games')}:80:{address('games', version)}")
        done = school.pupil.curl(f"http://{site('games')}/", version, *by_heart)
        assert done.stdout.endswith("\n403"), done


@pytest.mark.parametrize("way", ways_round.WAYS, ids=lambda way: way.__name__)
def test_a_way_round_is_stopped(school, way):
    not_at_an_hour(60.0)
    way(school.pupil, strict=True)
    way(school.guest, strict=False)


def test_what_was_tried_is_told_by_group(school):
    every = {way.__name__ for way in ways_round.WAYS}
    expected = {"pupils": every, "guests": every - {"address"}}
    missing = dict(expected)

    def told():
        found = school.told()
        assert set(found) <= set(expected)
        missing.update({group: expected[group] ^ set(found.get(group, ())) for group in expected})
        return not any(missing.values())

    school.box.run("filterd", "log", check=False)  # has the daemon count at once
    with suppress(AssertionError):
        eventually(told, 60)
    assert missing == {"pupils": set(), "guests": set()}


def test_what_staff_do_is_stopped_by_nobody_and_told_of_nobody(school):
    for version in BOTH:
        for _ in range(5):
            assert school.staff.reach("tcp", ROGUE[version], 853)[0] == "answered"
            assert school.staff.reach("udp", NAMELESS[version], 51820)[0] == "answered"
            assert school.staff.reach("tcp", NAMELESS[version], 9001)[0] == "answered"
    assert set(school.told()) == {"pupils", "guests"}


def test_no_log_no_number_and_no_page_names_who_it_was(school):
    run = school.box.run
    written = [school.box.journal(), run("curl", "-sS", "http://127.0.0.1:9353/metrics").stdout]
    for words in ("bypass status", "bypass week", "gateway status"):
        done = run("filterd", *words.split(), "--language", "vi", check=False)
        assert "pupils" in done.stdout, done
        written.append(done.stdout)
    assert 'filterd_bypass_signals_total{group="pupils"' in written[1]
    for host in school.everybody:
        for one in (*host.here.values(), TEACHER):
            assert [text for text in written if one in text] == []


@contextmanager
def asking(school):
    """A pupil's devices that ask the whole time, over IPv4 and IPv6."""
    with ExitStack() as stack, within(f"/run/netns/{school.pupil.namespace}"):
        yield [
            stack.enter_context(
                Steady(53, NAMES, rate=80, patience=8, host=school.pupil.gateway[version])
            )
            for version in BOTH
        ]


def go_on(loads, more=40):
    """Wait until each has asked some more."""
    for load in loads:
        until = load.asked + more
        patiently(lambda load=load, until=until: load.asked > until)


def never_open(loads):
    """Whether every answer there was is the right one."""
    right = {
        site("open"): {address("open", 4)},
        site("games"): {PAGE[4]},
        site("ordered"): {PAGE[4]},
    }
    return [load.seen for load in loads] == [right, right]


def closed(school):
    """See that what is closed stays closed and what is open stays open, with or without the daemon:
    the table and the HTTP filter alone do it.
    """
    pupil = school.pupil
    for version in BOTH:
        assert pupil.reach("tcp", ROGUE[version], 853)[0] == REFUSED
        assert pupil.reach("tcp", NAMELESS[version], WEB_ELSEWHERE)[0] == REFUSED
        assert pupil.reach("udp", address("open", version), 443)[0] != "answered"
        where = ("--resolve", f"{site('games')}:80:{address('games', version)}")
        assert pupil.curl(f"http://{site('games')}/", version, *where).stdout.endswith("\n403")
        assert school.staff.reach("tcp", NAMELESS[version], WEB_ELSEWHERE)[0] == "answered"


def test_a_daemon_that_is_killed_is_back_and_nothing_was_open_meanwhile(school):
    before = school.box.main(DAEMON)
    with asking(school) as loads:
        go_on(loads)
        school.box.run("kill", "-KILL", str(before))
        closed(school)
        patiently(lambda: school.box.main(DAEMON) not in {0, before})
        go_on(loads)
    # What a thread had read is gone with it; all else waited in the sockets that systemd keeps.
    assert max(len(load.lost) for load in loads) <= 2
    assert never_open(loads)


def test_with_the_daemon_away_names_are_refused_at_once_and_what_was_closed_stays_closed(school):
    school.box.ctl("stop", DAEMON, "filterd.socket")
    for version in BOTH:
        for server in (ROGUE[version], school.pupil.gateway[version]):
            for protocol in ("udp", "tcp"):
                met, seconds = school.pupil.reach(protocol, server, 53)
                assert (met, seconds < AT_ONCE) == (REFUSED, True)
    closed(school)
    school.box.ctl("start", "filterd.socket", DAEMON)
    school.wait()
    assert has(school.pupil, "open") is True


def test_a_new_version_under_traffic_loses_no_query(school):
    before = [school.box.main(unit) for unit in (DAEMON, HTTP)]
    with asking(school) as loads:
        go_on(loads)
        # As the package does it after unpacking (deploy/debian/*.postinst).
        school.box.ctl("daemon-reload")
        school.box.ctl("try-reload-or-restart", FIREWALL)
        for unit in (DAEMON, HTTP):
            school.box.ctl("try-restart", unit)
            go_on(loads)
    assert [load.lost for load in loads] == [set(), set()]
    assert never_open(loads)
    assert not set(before) & {0, *(school.box.main(unit) for unit in (DAEMON, HTTP))}
    closed(school)


@contextmanager
def trying(school):
    """A pupil who tries what is closed the whole time; gives what was met."""
    met, stop = {version: set() for version in BOTH}, threading.Event()

    def hammer(version):
        while not stop.is_set():
            for where, port in ((ROGUE, 853), (NAMELESS, WEB_ELSEWHERE)):
                met[version].add(school.pupil.reach("tcp", where[version], port)[0])

    threads = [threading.Thread(target=hammer, args=(version,)) for version in BOTH]
    for each in threads:
        each.start()
    try:
        yield met
    finally:
        stop.set()
        for each in threads:
            each.join()


def test_a_box_that_is_started_again_was_never_open_and_has_its_orders_without_the_feed(
    school, authorities
):
    school.internet.has_feed(there=False)
    with trying(school) as met:
        school.box.restart()
        school.box.wait()
        patiently(lambda: all(REFUSED in each for each in met.values()))
    assert not any("answered" in each for each in met.values())
    begun = "ExecMainStartTimestampMonotonic"
    table = int(school.box.show(FIREWALL, "ActiveEnterTimestampMonotonic").popitem()[1])
    assert 0 < table < int(school.box.show("systemd-networkd.service", begun)[begun])
    for host in school.everybody:
        patiently(lambda host=host: has(host, "open") is True)
        assert has(host, "ordered") is False
    assert has(school.pupil, "games") is False
    patiently(lambda: has(school.staff, "games") is True)
    patiently(lambda: school.box.ctl("is-active", HTTP, check=False) == "active")
    url = f"https://{site('ordered')}/"
    done = school.pupil.curl(url, 6, "--cacert", str(authorities))
    assert done.stdout.endswith("\n451")
    closed(school)
