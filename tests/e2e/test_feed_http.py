"""What a feed has for the HTTP filter, on a real node: the core of what is never decrypted ends in
what workers are handed, sets of hashes end in the folder that workers read.
"""

import json
import stat
import time
from contextlib import contextmanager
from typing import ClassVar

import pytest

from filterd.http.media.hashset import HashSet
from filterd.http.media.specimen import specimen
from filterd.http.rules import open_ruling
from filterd.policy.rulebook import default_directory, load_rulebook
from tests.e2e.test_feed import Ministry, served
from tests.e2e.test_following import hub_of
from tests.support import needs
from tests.support.http_world import World, http_filter, site
from tests.support.node import eventually, node
from tests.support.reading_site import ReadingHandler
from tests.support.servers import free_port
from tests.support.tls import make_authority

pytestmark = pytest.mark.real
PACKAGE = load_rulebook(default_directory()).never_decrypt
BANKS, OTHERS = ("bank.example", "clinic.example"), ("post.example",)


@pytest.fixture
def ministry(tmp_path):
    (tmp_path / "ministry").mkdir()
    return Ministry(tmp_path / "ministry")


def settings(resolver, ministry, url, **http):
    return {
        "upstream": {"servers": [f"127.0.0.1:{resolver.port}"]},
        "default_group": "g",
        "groups": {"g": {"age": 10}},
        "http": {"listen": {"explicit": [f"127.0.0.1:{free_port()}"]}} | http,
        "feed": {
            "root": str(ministry.feed / "trust" / "1.root.json"), "poll": "300ms", "url": url,
        },
    }  # fmt: skip


def sign(ministry, *names, name="never.txt"):
    file = ministry.folder / name
    file.write_text("# never decrypted\n" + "\n".join(names) + "\n")
    ministry.put("--never-decrypt", file)


def handed(one):
    file = one.state / "http/ruling.json"
    return json.loads(file.read_text())["never_decrypt"] if file.exists() else None


def core(one):
    said = handed(one)
    return () if said is None else tuple(said["core"])


def look(one):
    """Have the node look at the trust root at once: it begins anew."""
    return json.loads(one.run("feed", "status", "--json").stdout)


def test_a_signed_core_ends_in_what_workers_are_handed(tmp_path, resolver, ministry):
    with served(ministry.feed) as url:
        changes = settings(resolver, ministry, url, never_decrypt=[])
        with node(tmp_path / "node", changes) as one:
            assert eventually(lambda: core(one) == PACKAGE), "what holds without a signed one"
            assert handed(one)["version"] is None
        sign(ministry, *BANKS)
        with node(tmp_path / "node", changes) as one:
            assert eventually(lambda: core(one) == BANKS)
            assert handed(one)["version"] == 2
            held = open_ruling(one.state / "http/ruling.json").never
            assert held.covers("www.bank.example")
            assert held.added == frozenset(), "and `never_decrypt: []` takes nothing away"
            assert look(one)["never_decrypt"] == {"version": 2, "names": 2}
            assert "never decrypted: 2 names, version 2" in one.run("feed", "status").stdout
            one.reload({"http": changes["http"] | {"never_decrypt": ["school.example"]}})
            assert eventually(lambda: handed(one)["added"] == ["school.example"])
            assert core(one) == BANKS
    python = needs.http_environment()
    one.write({"http": changes["http"] | {"python": python}})
    told = one.run("http", "check").stdout
    assert "never:       2 names of the feed, version 2; 1 added here" in told


@contextmanager
def in_force(tmp_path, resolver, ministry):
    """Have a node take the signed core from a feed, which stands until the block ends."""
    sign(ministry, *BANKS)
    with served(ministry.feed) as url:
        changes = settings(resolver, ministry, url)
        with node(tmp_path / "node", changes) as one:
            assert eventually(lambda: core(one) == BANKS)
        yield changes


def test_it_is_in_force_at_the_next_start_without_the_feed(tmp_path, resolver, ministry):
    with in_force(tmp_path, resolver, ministry) as changes:
        (tmp_path / "node/state/http/ruling.json").unlink()
    with node(tmp_path / "node", changes) as again:
        assert eventually(lambda: core(again) != ())
        assert core(again) == BANKS, "in the first hand-over"


def test_one_that_was_tampered_with_is_refused_and_the_old_stays(tmp_path, resolver, ministry):
    with in_force(tmp_path, resolver, ministry) as changes:
        sign(ministry, *OTHERS)
        for file in (ministry.feed / "targets").glob("*.never-decrypt.json"):
            file.write_bytes(file.read_bytes().replace(b"post.example", b"evil.example"))
        with node(tmp_path / "node", changes) as one:
            assert eventually(lambda: "refused (mixed)" in (look(one)["problem"] or ""))
            assert core(one) == BANKS
            assert one.metric('filterd_feed_refused_total{fault="mixed"}') >= 1


def test_without_one_again_the_package_s_holds(tmp_path, resolver, ministry):
    with in_force(tmp_path, resolver, ministry) as changes:
        sign(ministry)
        with node(tmp_path / "node", changes) as one:
            assert eventually(lambda: core(one) == PACKAGE)


def test_over_a_hub_both_arrive_within_seconds_and_sets_for_nodes_alone(
    tmp_path, resolver, ministry
):
    hub = hub_of(ministry, tmp_path)
    with hub.serving():
        url = f"http://127.0.0.1:{hub.port}"
        changes = settings(resolver, ministry, f"{url}/feed", media={"on": True})
        changes["feed"] |= {"hub": url, "poll": "2s"}
        with node(tmp_path / "node", changes) as one:
            assert eventually(lambda: look(one)["stream"]["state"] == "live")
            sign(ministry, *BANKS)
            began = time.monotonic()
            assert eventually(lambda: core(one) == BANKS)
            assert time.monotonic() - began < 10, "pushed as a hint, not looked for"
            ministry.put("--media", media_set(ministry, 1))
            # A second hint within half a minute waits, so that nobody can have nodes look all day.
            assert eventually(
                lambda: "401" in str(look(one)["media"] and look(one)["media"][0]["missing"]),
                seconds=60,
            )
            path = f"/feed/targets/media/{laid(ministry).name}"
            assert hub.get(path).status == 401, "not to whoever knows where it is"
            made = hub.post("/v1/invitations", {"name": "A", "province": "79"}, hub.operator)
            assert one.run("feed", "enrol", made.json["code"]).returncode == 0
            assert eventually(lambda: sets(one) == ["trial.feed.set"], seconds=60)


def media_set(ministry, epoch):
    """Make a set that knows the test image alone."""
    rows, file = ministry.folder / "rows.csv", ministry.folder / f"{epoch}.set"
    rows.write_text(f"id,sha256\none,{epoch:064x}\n")
    ministry.run(
        "media", "import", rows, "-o", file, "--id", "trial", "--source", "filterd",
        "--epoch", epoch,
    )  # fmt: skip
    return file


def sets(one):
    return sorted(path.name for path in (one.state / "http/media").glob("*"))


def laid(ministry):
    (file,) = (ministry.feed / "targets/media").glob("*.set")
    return file


@pytest.mark.parametrize("way", ["http", "file"])
def test_a_media_set_arrives_where_workers_read_it(tmp_path, resolver, ministry, way):
    made = ministry.folder / "trial.set"
    ministry.run("media", "test-set", made)
    ministry.put("--media", made)
    with served(ministry.feed) as url:
        used = url if way == "http" else f"file://{ministry.feed}"
        changes = settings(resolver, ministry, used, media={"on": True})
        with node(tmp_path / "node", changes) as one:
            assert eventually(lambda: sets(one) == ["filterd-test.feed.set"])
            file = one.state / "http/media/filterd-test.feed.set"
            assert HashSet(file).head.id == "filterd-test"
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
            assert eventually(lambda: look(one)["media"][0]["missing"] is None)
            (file.parent / "own.set").write_bytes(b"laid by hand")
            one.reload({"http": changes["http"] | {"media": {"on": False}}})
            assert eventually(lambda: sets(one) == ["own.set"]), "what was laid by hand stays"
            one.reload({"http": changes["http"]})
            assert eventually(lambda: "filterd-test.feed.set" in sets(one))
        ministry.put("--remove-media", "filterd-test")
        with node(tmp_path / "node", changes) as one:
            assert eventually(lambda: sets(one) == ["own.set"])


def test_a_set_that_was_tampered_with_is_refused_and_the_old_stays(tmp_path, resolver, ministry):
    ministry.put("--media", media_set(ministry, 1))
    with served(ministry.feed) as url:
        changes = settings(resolver, ministry, url, media={"on": True})
        with node(tmp_path / "node", changes) as one:
            assert eventually(lambda: sets(one) == ["trial.feed.set"])
        good = (one.state / "http/media/trial.feed.set").read_bytes()
        laid(ministry).unlink()
        ministry.put("--media", media_set(ministry, 2))
        file = laid(ministry)
        kept = file.read_bytes()
        file.write_bytes(kept[:-40] + bytes(40))
        with node(tmp_path / "node", changes) as one:
            assert eventually(lambda: "tampered" in (look(one)["media"][0]["missing"] or ""))
            assert (one.state / "http/media/trial.feed.set").read_bytes() == good
            assert one.metric('filterd_feed_refused_total{fault="tampered"}') >= 1
            assert look(one)["problem"] is None, "orders go on"
            file.write_bytes(kept)
            assert eventually(lambda: look(one)["media"][0]["missing"] is None, seconds=30)
            assert (one.state / "http/media/trial.feed.set").read_bytes() == kept


class Pictures(ReadingHandler):
    pictures: ClassVar = {"/known.png": (specimen(), "image/png")}


def test_the_running_filter_goes_by_what_was_signed_meanwhile(tmp_path, resolver, ministry):
    python, folder, proxy = needs.http_environment(), tmp_path / "node", free_port()
    authority, hub = make_authority(tmp_path), hub_of(ministry, tmp_path)
    names = ("open.site.example", "bank.site.example")
    with (
        site(authority.issue(*names), handler=Pictures) as tls,
        site(handler=Pictures) as plain,
        hub.serving(),
    ):
        url = f"http://127.0.0.1:{hub.port}"
        changes = settings(
            resolver, ministry, f"{url}/feed", media={"on": True}, python=python,
            listen={"explicit": [f"127.0.0.1:{proxy}"]}, ports=[tls.port, plain.port],
            inspect={"groups": ["g"]}, upstream_ca=str(authority.ca_file),
        )  # fmt: skip
        changes["records"] = [f"{name} A 127.0.0.1" for name in names]
        changes["feed"] |= {"hub": url, "poll": "2s"}
        with node(folder, changes) as one:
            assert one.run("http", "ca", "new").returncode == 0
            made = hub.post("/v1/invitations", {"name": "A", "province": "79"}, hub.operator)
            assert one.run("feed", "enrol", made.json["code"]).returncode == 0
            assert eventually((one.state / "http/ruling.json").exists)
            with http_filter(folder, proxy) as running:
                world = World(one, running, (tls, plain, plain), authority)

                def code(path):
                    words = ("-o", "/dev/null")
                    return world.curl(world.http(names[0], path), *words).stdout.split()[-2]

                def is_read(name):
                    """Say whether somebody stands between: curl trusts the site's own authority."""
                    return world.curl(world.https(name, "/known.png"), "-o", "/dev/null").returncode

                assert code("/known.png") == "200", "nothing is signed yet"
                assert is_read("bank.site.example")
                (ministry.folder / "never.txt").write_text("bank.site.example\n")
                ministry.run("media", "test-set", ministry.folder / "trial.set")
                ministry.put(
                    "--media", ministry.folder / "trial.set",
                    "--never-decrypt", ministry.folder / "never.txt",
                )  # fmt: skip
                assert eventually(lambda: not is_read("bank.site.example"), seconds=60)
                assert is_read("open.site.example"), "all others still are"
                assert eventually(lambda: code("/known.png") == "403", seconds=60)
                assert code("/") == "200"


def test_an_older_epoch_is_not_signed_and_a_large_one_neither(tmp_path, ministry):
    ministry.put("--media", media_set(ministry, 5))
    words = ("--targets-key", ministry.key("one"), "--targets-key", ministry.key("two"))
    words += ("--online-key", ministry.key("online"))
    older = media_set(ministry, 4)
    put = ("authority", "put", ministry.feed, *words, "--media")
    assert "higher --epoch" in ministry.run(*put, older, code=2)
    big = tmp_path / "big.set"
    with big.open("wb") as file:
        file.truncate(65 * 2**20)
    assert "larger than" in ministry.run(*put, big, code=2)
    junk = tmp_path / "junk.set"
    junk.write_bytes(b"x" * 100)
    assert "no hash set" in ministry.run(*put, junk, code=2)
