"""Lists of rules about requests (format abp-url) in a running system: the daemon fetches, keeps and
compiles them, a worker asks them about what real clients send.
"""

import json

import pytest

from tests.support import needs
from tests.support.http_world import BODY, World, http_filter, site
from tests.support.node import eventually, filterd, node
from tests.support.servers import free_port

pytestmark = pytest.mark.real

PAGE = BODY.decode()
# The ports here are unusual, and a port is part of a URL: a path is written behind `^*`.
ADS = """\
! rules about requests
||ads.site.example^$script,third-party
||site.example^*/pixel.
||site.example^*/free/
@@||site.example^*/free/ok.js$script
@@||ordered.site.example^
##.banner
||site.example^$popup
"""
ORDER = "||ordered.site.example^*/banned/\n@@||ads.site.example^\n"


@pytest.fixture(scope="module")
def world(tmp_path_factory, resolver):
    python = needs.http_environment()
    folder, proxy = tmp_path_factory.mktemp("http"), free_port()
    (folder / "ads.txt").write_text(ADS)
    (folder / "order.txt").write_text(ORDER)
    (folder / "names.txt").write_text("named.site.example\n")
    with site() as plain:
        changes = {
            "upstream": {"servers": [f"127.0.0.1:{resolver.port}"]},
            "records": ["*.site.example A 127.0.0.1"],
            "privacy": {"level": "full"},
            "default_group": "pupils",
            "groups": {
                "pupils": {"age": 10},
                "staff": {"age": 18, "lists": [], "networks": ["127.0.0.18/32"]},
            },
            "lists": {
                "ads": {"format": "abp-url", "path": "ads.txt"},
                "order": {"format": "abp-url", "path": "order.txt", "mandatory": True},
                "names": {"format": "domains", "path": "names.txt"},
            },
            "http": {
                "listen": {"explicit": [f"127.0.0.1:{proxy}"]},
                "python": python,
                "workers": 1,
                "ports": [plain.port],
            },
        }
        with node(folder, changes) as daemon:
            eventually(lambda: handed(daemon).get("requests"), 30)
            with http_filter(folder, proxy) as running:
                made = World(daemon, running, (plain, plain, plain), None)
                made.folder = folder
                yield made


def handed(daemon):
    path = daemon.state / "http/ruling.json"
    return json.loads(path.read_text()) if path.exists() else {}


def ask(world, path, *, name="ads.site.example", dest="script", page="news.test", client=None):
    """Fetch as a browser does for a page of `page`; the status and what came."""
    words = ["-H", f"Sec-Fetch-Dest: {dest}", "-H", "Accept: */*"]
    if dest != "document":
        words += ["-H", f"Referer: http://{page}/"]
    done = world.filter.curl(world.http(name, path), *words, client=client or "127.0.0.1")
    assert done.returncode == 0, done.stderr
    body, _, codes = done.stdout.rpartition("\n")
    return int(codes.split()[0]), body


def blocked(world, path, **how):
    """Say whether it is refused; what is not refused is the site's own page."""
    code, body = ask(world, path, **how)
    assert (code, body) == (200, PAGE) or code in {403, 451}
    return code != 200


def test_a_script_of_a_third_party_is_blocked_and_nothing_else_of_that_host(world):
    before = world.plain.came
    assert blocked(world, "/x.js")
    assert world.plain.came == before
    assert not blocked(world, "/x.js", dest="document")
    assert not blocked(world, "/x.js", dest="image")
    assert not blocked(world, "/x.js", page="www.site.example")


def test_a_client_without_fetch_metadata_is_read_by_its_other_headers(world):
    url = world.http("other.site.example", "/pixel.gif")
    done = world.filter.curl(url, "-H", "X-Requested-With: XMLHttpRequest")
    assert done.stdout.endswith("\n403 000")
    assert world.filter.curl(url).stdout == PAGE + "\n200 000"


def test_an_exception_lifts_a_block_where_it_is_meant(world):
    assert blocked(world, "/free/other.js", name="x.site.example")
    assert not blocked(world, "/free/ok.js", name="x.site.example")
    assert blocked(world, "/free/ok.js", name="x.site.example", dest="style")


def test_an_order_blocks_under_an_exception_and_everybody(world):
    assert not blocked(world, "/other", name="ordered.site.example")
    assert blocked(world, "/banned/x", name="ordered.site.example")
    # Its own exceptions are nobody's.
    assert blocked(world, "/x.js")
    assert blocked(world, "/banned/x", name="ordered.site.example", client="127.0.0.18")


def test_a_group_that_does_not_use_a_list_is_not_asked_about_it(world):
    assert not blocked(world, "/x.js", client="127.0.0.18")


def test_names_are_answered_by_dns_as_if_the_list_were_not_there(world):
    for name in ("ads.site.example", "ordered.site.example"):
        assert "127.0.0.1" in str(world.daemon.ask(name).answer[0])


def test_what_became_of_the_lines_is_told(world):
    done = filterd("lists", "status", "-c", str(world.daemon.config), "--json")
    found = {each["name"]: each for each in json.loads(done.stdout)}
    assert (found["ads"]["state"], found["ads"]["entries"]) == ("ok", 5)
    assert dict(found["ads"]["refused"]) == {"cosmetic-rule": 1, "option:popup": 1}


def test_other_rules_decide_without_a_restart_and_a_broken_list_leaves_them(world):
    workers, path = world.filter.workers(), world.folder / "ads.txt"
    assert not blocked(world, "/later.js", name="later.site.example", dest="document")
    path.write_text(ADS + "||later.site.example^*/later.$document\n")
    done = filterd("lists", "update", "ads", "-c", str(world.daemon.config))
    assert done.returncode == 0, done.stdout + done.stderr
    later = {"name": "later.site.example", "dest": "document"}
    eventually(lambda: blocked(world, "/later.js", **later), 10)
    file = handed(world.daemon)["requests"]["abp"]["file"]
    path.write_text("<!doctype html>\n<html><body>502 bad gateway</body></html>\n")
    done = filterd("lists", "update", "ads", "-c", str(world.daemon.config))
    assert done.returncode == 1
    assert "ads" in done.stdout
    assert blocked(world, "/later.js", **later)
    assert handed(world.daemon)["requests"]["abp"]["file"] == file
    path.write_text(ADS)
    assert filterd("lists", "update", "ads", "-c", str(world.daemon.config)).returncode == 0
    eventually(lambda: not blocked(world, "/later.js", **later), 10)
    assert workers == world.filter.workers()
