"""A real node that is pushed to, held back, staged, and asked to prove it."""

import shutil
import time

import pytest

from filterd.control.client import call
from filterd.feed.keys import node_key, public_key
from filterd.feed.rollout import delay
from filterd.feed.traffic import FOLDER, KEY_FILE, Traffic
from tests.e2e.test_feed import SECRET, Ministry, is_blocked, receipt_of, served
from tests.support.dnsclient import data_of
from tests.support.hub import Listener, RunningHub
from tests.support.nginx import serving
from tests.support.node import eventually, node
from tests.support.stream_server import pushing

BUFFERING = "location / {{ proxy_pass http://127.0.0.1:{port}; proxy_buffering on; }}"
pytestmark = pytest.mark.real


@pytest.fixture
def ministry(tmp_path):
    (tmp_path / "ministry").mkdir()
    return Ministry(tmp_path / "ministry")


def settings(resolver, ministry, **feed):
    return {
        "upstream": {"servers": [f"127.0.0.1:{resolver.port}"]},
        "default_group": "g",
        "groups": {"g": {"age": 18}},
        "feed": {"root": str(ministry.feed / "trust" / "1.root.json"), "poll": "300ms"} | feed,
    }


def status(one):
    """What `filterd feed status` asks for; test_feed_http.py runs it."""
    return call(one.folder / "control.sock", "feed-status")


def test_what_is_pushed_is_blocked_at_the_socket_without_looking(tmp_path, resolver, ministry):
    with (
        pushing(ministry.feed) as server,
        node(tmp_path, settings(resolver, ministry, url=server.url, poll="1h")) as one,
    ):
        assert eventually(lambda: server.streams == 1)
        assert eventually(lambda: status(one)["time"] > 0)
        asked = len(server.asked)
        ministry.publish(ministry.order("www.example.com")[1])
        assert eventually(lambda: is_blocked(one, "www.example.com"))
        assert eventually(lambda: receipt_of(one)["size"] == 1)
        assert server.asked[asked:] == [], "all of it was in the event"
        receipt = receipt_of(one)
        assert receipt["applied_at"] - receipt["received_at"] < 1000
        told = status(one)
        assert (told["stream"]["state"], told["problem"]) == ("live", None)
        assert one.metric("filterd_feed_stream") == 1
        assert "pushed as they come" in one.run("feed", "status").stdout


def test_a_stream_that_ends_is_found_again(tmp_path, resolver, ministry):
    with (
        pushing(ministry.feed) as server,
        node(tmp_path, settings(resolver, ministry, url=server.url, poll="1h")) as one,
    ):
        assert eventually(lambda: server.streams == 1)
        server.cut_from_outside()
        assert eventually(lambda: len(server.last_ids) == 2, seconds=20)
        assert eventually(lambda: server.streams == 1)
        ministry.publish(ministry.order("www.example.com")[1])
        assert eventually(lambda: is_blocked(one, "www.example.com"))


def hub_of(ministry, folder):
    """Return a hub that serves the ministry's feed."""
    (folder / "word").touch(mode=0o600)
    (folder / "word").write_text(next(iter(SECRET.values())))
    key = {"key": str(ministry.key("log")), "passphrase_file": str(folder / "word")}
    return RunningHub(folder / "hub", "sqlite:///hub.db", feed=str(ministry.feed), log=key)


def looked_at(one):
    """When the node has last taken something new from the trust root."""
    return (one.state / "feed" / "trust.json").stat().st_mtime_ns


def test_an_officer_whose_key_is_revoked_orders_nothing_within_seconds(
    tmp_path, resolver, ministry
):
    hub = hub_of(ministry, tmp_path)
    with hub.serving():
        url = f"http://127.0.0.1:{hub.port}/feed"
        with node(tmp_path / "node", settings(resolver, ministry, url=url, poll="1h")) as one:
            assert eventually(lambda: status(one)["stream"]["state"] == "live")
            ministry.publish(ministry.order("www.example.com", by=("one", "three"))[1])
            assert eventually(lambda: is_blocked(one, "www.example.com"))
            before, listener = looked_at(one), Listener(hub)
            assert listener.hint() == "1.1"
            changed = ministry.folder / "changed.json"
            ministry.run(
                "authority", "officers", ministry.feed, "moet",
                "--revoke", f"{ministry.key('three')}.pub", "-o", changed,
            )  # fmt: skip
            ministry.put("--authority", changed)
            assert listener.hint() == "1.2"
            assert eventually(lambda: not is_blocked(one, "www.example.com"))
            assert eventually(lambda: status(one)["orders"] == {"refused": 1})
            after = looked_at(one)
            assert after > before
            # A timestamp that is signed anew is no reason to look.
            ministry.run(
                "authority", "renew", ministry.feed, "--online-key", ministry.key("online"),
                "--log-key", ministry.key("log"),
            )  # fmt: skip
            ministry.publish(ministry.order("games.example.com")[1])
            assert eventually(lambda: is_blocked(one, "games.example.com"))
            assert (looked_at(one), status(one)["problem"]) == (after, None)
            assert listener.hints == ["1.1", "1.2"]
            listener.close()


def test_behind_a_proxy_that_holds_events_back_news_are_looked_for(tmp_path, resolver, ministry):
    with (
        pushing(ministry.feed) as server,
        serving(tmp_path / "nginx", BUFFERING.format(port=server.port)) as port,
        node(
            tmp_path / "node", settings(resolver, ministry, url=f"http://127.0.0.1:{port}")
        ) as one,
    ):
        assert eventually(lambda: server.streams == 1)
        for number in range(20):  # a stream is given some seconds before it is said of it
            ministry.publish(ministry.order(f"n{number}.example.com")[1])
            name = f"n{number}.example.com"
            assert eventually(lambda: is_blocked(one, name))  # noqa: B023
            if status(one)["stream"]["state"] == "held-back":
                break
        assert number < 19
        assert "proxy" in one.run("feed", "status").stdout
        assert one.metric("filterd_feed_stream") == 0


def known_traffic(state, *names):
    """Keep a day of traffic as an earlier run of this node would have."""
    folder = state / "feed" / FOLDER
    folder.mkdir(parents=True)
    (folder / KEY_FILE).write_bytes(b"k" * 16)
    traffic, now = Traffic(b"k" * 16), time.time()
    traffic.count([(name, 1, False) for name in names], now)
    day = traffic.today(now)
    (folder / f"{day.number}.day").write_bytes(day.packed())


def test_an_order_that_hits_much_is_held_back_until_it_is_confirmed(tmp_path, resolver, ministry):
    known_traffic(tmp_path / "state", *["www.example.com"] * 300, *["x.example.net"] * 4700)
    with (
        served(ministry.feed) as url,
        node(tmp_path, settings(resolver, ministry, url=url)) as one,
    ):
        ident, file = ministry.order("www.example.com", "bad.example.com")
        ministry.publish(file)
        ministry.publish(ministry.order("games.example.com")[1])
        assert eventually(lambda: is_blocked(one, "games.example.com"))
        assert not is_blocked(one, "www.example.com")
        assert not is_blocked(one, "bad.example.com"), "an order is held back as a whole"
        assert one.metric("filterd_feed_held_orders") == 1
        assert "held back" in one.log
        assert eventually(lambda: receipt_of(one)["size"] == 2)
        assert receipt_of(one)["held"] == [0]
        (held,) = status(one)["held_orders"]
        assert held["order"] == f"moet/{ident}"
        assert "6.0 %" in held["why"]
        assert f"filterd order confirm {ident}" in one.run("feed", "status").stdout
        ministry.publish(ministry.end(ident, word="confirm")[1])
        assert eventually(lambda: is_blocked(one, "www.example.com"))
        assert eventually(lambda: receipt_of(one)["size"] == 3)
        assert receipt_of(one)["held"] == []
        assert one.metric("filterd_feed_held_orders") == 0


def test_what_is_held_back_stays_so_over_a_restart(tmp_path, resolver, ministry):
    known_traffic(tmp_path / "state", *["www.example.com"] * 300, *["x.example.net"] * 4700)
    with served(ministry.feed) as url:
        used = settings(resolver, ministry, url=url)
        with node(tmp_path, used) as one:
            ministry.publish(ministry.order("www.example.com")[1])
            assert eventually(lambda: one.metric("filterd_feed_held_orders") == 1)
    shutil.rmtree(tmp_path / "state" / "feed" / FOLDER)
    with node(tmp_path, used) as one:
        assert eventually(lambda: one.metric("filterd_feed_held_orders") == 1)
        assert data_of(one.ask("www.example.com")) == ["192.0.2.1"]


def test_the_traffic_of_a_node_is_counted(tmp_path, resolver, ministry):
    with (
        served(ministry.feed) as url,
        node(tmp_path, settings(resolver, ministry, url=url)) as one,
    ):
        assert eventually(lambda: status(one)["time"] > 0)
        for _ in range(400):
            one.ask("www.example.com")
        call(tmp_path / "control.sock", "log-settle")
        assert eventually(lambda: status(one)["guard"]["sampled"] >= 2, seconds=60)


def test_an_order_that_can_wait_begins_with_the_cohort_of_the_node(tmp_path, resolver, ministry):
    ministry.put("--rollout", "45s")
    with (
        served(ministry.feed) as url,
        node(tmp_path, settings(resolver, ministry, url=url)) as one,
    ):
        own = public_key(node_key(one.state / "feed" / "node.key")).id
        while delay(own, ministry.segments, 45) != 45:  # the last cohort
            ministry.publish(ministry.order(f"u{ministry.segments}.example.com", urgent=True)[1])
        # Else a receipt of those, which have begun, is a receipt of all that is read with them.
        assert eventually(lambda: receipt_of(one)["size"] == ministry.segments)
        began = time.monotonic()
        ministry.publish(ministry.order("www.example.com")[1])
        assert eventually(lambda: status(one)["segments"] == ministry.segments)
        assert not is_blocked(one, "www.example.com")
        (waiting,) = status(one)["waiting_orders"]
        assert waiting["begins"] > time.time()
        assert one.metric("filterd_feed_waiting_orders") == 1
        assert receipt_of(one)["size"] < ministry.segments, "nothing new is in force yet"
        assert eventually(lambda: is_blocked(one, "www.example.com"), seconds=70)
        assert time.monotonic() - began > 30
        assert eventually(lambda: receipt_of(one)["size"] == ministry.segments)
        ministry.publish(ministry.order("bad.example.com", urgent=True)[1])
        assert eventually(lambda: is_blocked(one, "bad.example.com"))


def test_a_canary_ends_and_the_end_is_seen(tmp_path, resolver, ministry):
    ministry.put("--canary-life", "4s")
    with (
        served(ministry.feed) as url,
        node(tmp_path, settings(resolver, ministry, url=url)) as one,
    ):
        ministry.publish(ministry.order("www.example.com")[1])
        assert eventually(lambda: receipt_of(one)["size"] == 1)
        time.sleep(8)
        ministry.publish(ministry.order("bad.example.com")[1])
        assert eventually(lambda: receipt_of(one)["size"] == 2)
        checks = [each for each in receipt_of(one)["checks"] if each[0] == "expiry"]
        ((_, subject, due, seen, good),) = checks
        assert (subject, good) == ("0", 1)
        assert 0 <= seen - due < 3000
        assert is_blocked(one, "www.example.com"), "the order goes on"
        assert one.metric("filterd_feed_failed_checks_total") == 0


def test_no_order_blocks_what_nearly_everybody_needs(tmp_path, resolver, ministry):
    names = tmp_path / "popular.txt"
    names.write_text("# needed\nwww.example.com\n")
    early = ministry.order("example.com")[1]
    ministry.publish(early)
    ministry.put("--popular", names)
    late = ministry.order("www.example.com")[1]
    assert "too-broad" in ministry.run("order", "verify", late, "--feed", ministry.feed, code=1)
    with (
        served(ministry.feed) as url,
        node(tmp_path / "node", settings(resolver, ministry, url=url)) as one,
    ):
        assert eventually(lambda: one.metric('filterd_feed_orders{state="refused"}') == 1)
        assert data_of(one.ask("www.example.com")) == ["192.0.2.1"]
