"""Lists of hashed URLs (format hashed-urls) in a running system: made by a command, kept and
compiled by the daemon, asked by a worker about what a real client sends, and readable nowhere.
"""

import json

import pytest

from tests.support import needs
from tests.support.http_world import BODY, World, http_filter, site
from tests.support.node import eventually, filterd, node
from tests.support.servers import free_port

pytestmark = pytest.mark.real

PAGE = BODY.decode()
HIDDEN = """\
http://hidden.site.example/concealed-folder/
http://ordered.site.example/concealed-too
http://never-asked.site.example/concealed-last
"""
ORDER = "http://ordered.site.example/banned-folder/\n"


@pytest.fixture(scope="module")
def world(tmp_path_factory, resolver):
    python = needs.http_environment()
    folder, proxy = tmp_path_factory.mktemp("http"), free_port()
    for name, urls in {"hidden": HIDDEN, "order": ORDER}.items():
        hashed(folder / f"{name}.list", urls, 1)
    with site() as plain:
        changes = {
            "upstream": {"servers": [f"127.0.0.1:{resolver.port}"]},
            "records": ["*.site.example A 127.0.0.1"],
            "default_group": "pupils",
            "allow": ["ordered.site.example"],
            "groups": {
                "pupils": {"age": 10},
                "staff": {"age": 18, "lists": [], "networks": ["127.0.0.18/32"]},
            },
            "lists": {
                "hidden": {"format": "hashed-urls", "path": "hidden.list"},
                "order": {"format": "hashed-urls", "path": "order.list", "mandatory": True},
            },
            "http": {
                "listen": {"explicit": [f"127.0.0.1:{proxy}"]},
                "python": python,
                "workers": 1,
                "ports": [plain.port],
            },
        }
        with node(folder, changes) as daemon:
            eventually(lambda: "hashed" in handed(daemon).get("requests", {}), 30)
            with http_filter(folder, proxy) as running:
                made = World(daemon, running, (plain, plain, plain), None)
                made.folder = folder
                yield made


def hashed(path, urls, epoch):
    words = ("-o", str(path), "--new-salt", "--epoch", str(epoch))
    done = filterd("lists", "hash", "-", *words, text=urls)
    assert done.returncode == 0, done.stderr


def handed(daemon):
    path = daemon.state / "http/ruling.json"
    return json.loads(path.read_text()) if path.exists() else {}


def blocked(world, name, path, client="127.0.0.1"):
    """Say whether it is refused; what is not refused is the site's own page."""
    done = world.filter.curl(world.http(name, path), client=client)
    assert done.returncode == 0, done.stderr
    body, _, codes = done.stdout.rpartition("\n")
    code = int(codes.split()[0])
    assert (code, body) == (200, PAGE) or code in {403, 451}
    return code != 200


def update(world, name):
    return filterd("lists", "update", name, "-c", str(world.daemon.config))


def test_a_page_is_blocked_and_the_sites_other_pages_are_not(world):
    before = world.plain.came
    assert blocked(world, "hidden.site.example", "/concealed-folder/")
    assert blocked(world, "www.hidden.site.example", "/other/../concealed-folder/a?b=c")
    assert world.plain.came == before
    assert not blocked(world, "hidden.site.example", "/")
    assert not blocked(world, "hidden.site.example", "/concealed-folder")
    assert not blocked(world, "other.site.example", "/concealed-folder/")


def test_a_group_that_does_not_use_a_list_is_not_asked_about_it(world):
    assert not blocked(world, "hidden.site.example", "/concealed-folder/", client="127.0.0.18")


def test_an_order_blocks_what_the_school_allows_and_for_everybody(world):
    assert not blocked(world, "ordered.site.example", "/concealed-too")
    assert blocked(world, "ordered.site.example", "/banned-folder/x")
    assert blocked(world, "ordered.site.example", "/banned-folder/x", client="127.0.0.18")


def test_names_are_answered_by_dns_as_if_the_list_were_not_there(world):
    assert "127.0.0.1" in str(world.daemon.ask("hidden.site.example").answer[0])


def test_status_and_explain_show_it_by_its_entry(world):
    done = world.daemon.run("lists", "status", "--json")
    found = {each["name"]: each for each in json.loads(done.stdout)}
    assert (found["hidden"]["state"], found["hidden"]["entries"]) == ("ok", 3)
    asked = "http://hidden.site.example/concealed-folder/x"
    done = world.daemon.run("explain", asked, "--group", "pupils", "--json")
    walk = json.loads(done.stdout)
    (rule,) = [rule for step in walk["steps"] for rule in step["rules"] if rule["decides"]]
    assert (walk["verdict"], walk["step"], rule["list"]) == ("block", 7, "hidden")
    assert rule["pattern"] in (world.folder / "hidden.list").read_text().splitlines()


def test_another_list_holds_without_a_restart_and_a_damaged_one_leaves_it(world):
    workers, path = world.filter.workers(), world.folder / "hidden.list"
    later = ("later.site.example", "/concealed-later")
    assert not blocked(world, *later)
    hashed(path, HIDDEN + f"{later[0]}{later[1]}\n", 2)
    done = update(world, "hidden")
    assert done.returncode == 0, done.stdout + done.stderr
    eventually(lambda: blocked(world, *later), 10)
    whole, file = path.read_text(), handed(world.daemon)["requests"]["hashed"]["file"]
    path.write_text(whole.rstrip().rpartition("\n")[0])
    done = update(world, "hidden")
    assert done.returncode == 1
    assert "cut off" in done.stdout
    assert blocked(world, *later)
    assert handed(world.daemon)["requests"]["hashed"]["file"] == file
    hashed(path, HIDDEN, 3)
    assert update(world, "hidden").returncode == 0
    eventually(lambda: not blocked(world, *later), 10)
    assert blocked(world, "hidden.site.example", "/concealed-folder/")
    assert workers == world.filter.workers()


def test_what_is_listed_stands_in_no_file(world):
    # These come last: lists were swapped, pages were blocked and explained.
    assert blocked(world, "hidden.site.example", "/concealed-folder/again")
    files = [path for path in world.daemon.state.rglob("*") if path.is_file()]
    assert any(path.name.startswith("hashed-") for path in files)
    for path in [*files, world.folder / "http.log", world.folder / "filterd.log"]:
        data = path.read_bytes()
        for word in (b"concealed", b"banned-folder", b"never-asked"):
            assert word not in data, path
