import json
import time
from types import SimpleNamespace

import pytest

from filterd.cli import hub_look
from filterd.cli.base import Exit
from filterd.cli.main import main
from filterd.hub.audit import note
from filterd.hub.database import migrate, open_database
from tests.support import hub_world
from tests.support.hub_world import World, country


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """Give what writes a world into a hub's database and runs commands on it, at its time."""
    monkeypatch.setattr(hub_look, "time", SimpleNamespace(time=lambda: hub_world.NOW / 1000))
    url = f"sqlite:///{tmp_path / 'hub.db'}"
    migrate(url)

    def write(world=None, notes=0):
        database = open_database(url)
        with database.write() as connection:
            (world or World()).write(connection)
        for number in range(notes):
            with database.write() as connection:
                note(connection, "An Operator", "invite", f"school {number}", {}, 1000)
        database.close()

    def run(*words):
        return main(["hub", *words, "--database", url, "--timezone", "Asia/Ho_Chi_Minh"])

    return SimpleNamespace(write=write, run=run, url=url, folder=tmp_path)


def test_a_country_where_some_are_late(hub, capsys):
    world = country(100, 6)
    late = sum(each["size"] < 6 for each in world.rows["node"])
    hub.write(world)
    assert hub.run("status") == Exit.PROBLEM
    told = capsys.readouterr().out
    assert "6 in force" in told
    assert f"100 enrolled, {late} late, {late} silent" in told
    assert late > 0
    assert "as of         2026-02-02 09:40:00" in told
    assert hub.run("orders") == Exit.PROBLEM
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["order", "reference", "category"]
    assert [line.split()[0] for line in lines[1:]] == [
        f"ministry/2026-{n}" for n in range(6, 0, -1)
    ]
    assert hub.run("nodes", "--limit", "5") == Exit.OK
    assert len(capsys.readouterr().out.splitlines()) == 6
    assert hub.run("late") == Exit.PROBLEM
    assert "late, silent" in capsys.readouterr().out


def test_what_is_held_is_said_with_how_many(hub, capsys):
    world = country(30, 2)
    at_end = [each["id"] for each in world.rows["node"] if each["size"] == 2][:3]
    for node in at_end:
        world.hold(node, 1, size=2, told_at=hub_world.NOW)
    hub.write(world)
    hub.run("status")
    told = capsys.readouterr().out
    assert "3 with held orders" in told
    assert "1 held somewhere" in told
    for words in (("orders",), ("nodes",), ("late",)):
        hub.run(*words)
        assert "held" in capsys.readouterr().out.splitlines()[0].split(), words
    assert hub.run("orders", "ministry/2026-2") == Exit.PROBLEM
    lines = capsys.readouterr().out.splitlines()
    assert "held          at 3 nodes" in lines
    assert sum(line.split()[-1] == "held" for line in lines if line) == 3
    hub.run("orders", "--json")
    assert json.loads(capsys.readouterr().out)[0]["held"] == 3


def test_all_is_well(hub, capsys):
    world = World()
    world.segment(0, hub_world.NOW - 60_000)
    world.order("o", 0)
    world.receipt(world.node(0, size=1), 1, hub_world.NOW - 59_300)
    hub.write(world)
    for command in ("status", "orders", "nodes", "late"):
        assert hub.run(command) == Exit.OK
    told = capsys.readouterr().out
    assert "nothing is late or wrong" in told
    assert "100 % of nodes" in told
    assert "p50 700 ms" in told
    assert hub.run("orders", "ministry/o") == Exit.OK
    assert "T4 observed" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["status", "orders", "nodes", "late", "audit"])
def test_an_empty_hub_has_nothing_to_show_and_nothing_is_wrong(hub, capsys, command):
    assert hub.run(command) == Exit.OK
    assert capsys.readouterr().out.strip()
    assert hub.run(command, "--json") == Exit.OK
    json.loads(capsys.readouterr().out)


def test_late_means_what_one_says_it_means(hub, capsys):
    world = World()
    world.segment(0, hub_world.NOW - 60_000)
    world.node(0)
    hub.write(world)
    assert hub.run("late", "--late-after", "30s") == Exit.PROBLEM
    assert hub.run("late", "--late-after", "90s") == Exit.OK
    assert hub.run("late", "--late-after", "30s", "--province", "nowhere") == Exit.USAGE
    assert "no node is of province 'nowhere'" in capsys.readouterr().err
    assert hub.run("late", "--late-after", "soon") == Exit.USAGE
    assert "not a length of time" in capsys.readouterr().err


def test_the_audit_log_is_verified_and_a_change_is_found(hub, capsys):
    hub.write(notes=3)
    assert hub.run("audit", "--limit", "2") == Exit.OK
    told = capsys.readouterr().out
    assert "chain of 3 rows holds" in told
    assert "school 2" in told
    assert "school 0" not in told
    database = open_database(hub.url)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE audit SET who = 'Nobody' WHERE number = 2")
    database.close()
    assert hub.run("audit") == Exit.PROBLEM
    assert "broken at row 2" in capsys.readouterr().out


def test_where_the_books_are_is_read_from_the_configuration(hub, capsys):
    world = World()
    world.segment(0, hub_world.NOW - 60_000)
    world.node(0)
    hub.write(world)
    config = hub.folder / "hub.yaml"
    config.write_text("database: sqlite:///hub.db\nlate_after: 30s\n")
    assert main(["hub", "late", "-c", str(config)]) == Exit.PROBLEM
    assert main(["hub", "late", "-c", str(config), "--late-after", "1h"]) == Exit.OK


def test_what_is_not_there_is_said(hub, capsys, tmp_path):
    assert hub.run("orders", "ministry/none") == Exit.USAGE
    assert "no order 'ministry/none'" in capsys.readouterr().err
    assert main(["hub", "status", "--database", f"sqlite:///{tmp_path / 'none' / 'x.db'}"]) == 2
    assert "none" in capsys.readouterr().err
    assert main(["hub", "status", "--database", hub.url, "--timezone", "Mars/Base"]) == Exit.USAGE
    assert "not a time zone" in capsys.readouterr().err


def test_exports_go_to_a_file_or_to_standard_output(hub, capfdbinary, tmp_path):
    hub.write()
    assert hub.run("export", "orders.csv") == Exit.OK
    assert capfdbinary.readouterr().out.startswith(b"authority,id,reference")
    assert hub.run("export", "sites.csv") == Exit.OK
    assert capfdbinary.readouterr().out == (
        b"day,nodes,vn_sites_with_age_label,vn_sites_without_age_label\r\n"
    )
    out = tmp_path / "bundle.json"
    assert hub.run("export", "orders.stix", "-o", str(out)) == Exit.OK
    assert json.loads(out.read_bytes())["type"] == "bundle"
    for kind in ("orders.json", "statistics", "public", "candidates"):
        capfdbinary.readouterr()
        assert hub.run("export", kind, "--from", "2026-01-01", "--to", "2026-02-01") == Exit.OK
        json.loads(capfdbinary.readouterr().out)


@pytest.mark.parametrize(
    "words",
    [
        ("orders.csv", "--from", "yesterday"),
        ("orders.csv", "--from", "2026-02-01", "--to", "2026-01-01"),
        ("evidence",),
        ("evidence", "ministry", "node"),
        ("evidence", "ministry/x", "node", "--feed", "none"),
    ],
)
def test_an_export_that_cannot_be_says_why(hub, capsys, words):
    assert hub.run("export", *words) == Exit.USAGE
    assert capsys.readouterr().err.startswith("filterd:")


def test_the_clock_is_the_systems(tmp_path, capsys):
    url = f"sqlite:///{tmp_path / 'hub.db'}"
    migrate(url)
    before = time.time_ns() // 1_000_000
    assert main(["hub", "status", "--database", url, "--json"]) == Exit.OK
    assert before <= json.loads(capsys.readouterr().out)["at"] <= time.time_ns() // 1_000_000
