"""Signs of going round the filter: from a real node's book into a real hub's, by kind and age, once."""

import json
import time

import pytest
from sqlalchemy import select

from filterd.app.daily_telling import DAY
from filterd.app.signal_telling import TOLD
from filterd.bypass.book import FILE, Book
from filterd.bypass.signals import Signal
from filterd.hub.tables import batches, counts
from filterd.report.batch import SIGNS
from tests.support.databases import DATABASES, database_url
from tests.support.hub import RunningHub
from tests.support.hub_rows import database_of
from tests.support.node import eventually, node, start, wait_for

pytestmark = pytest.mark.real


def rows_of(hub, table):
    database = database_of(hub)
    with database.read() as connection:
        found = [dict(row) for row in connection.execute(select(table)).mappings()]
    database.close()
    return found


def signs_of(hub):
    return [row for row in rows_of(hub, counts) if row["rule"] in SIGNS]


def own(hub):
    return sum(row["count"] for row in rows_of(hub, counts) if row["rule"] == "own")


@pytest.mark.parametrize("kind", DATABASES)
def test_a_days_signs_arrive_once_also_after_a_kill(tmp_path, resolver, kind):
    hub = RunningHub(tmp_path / "hub", database_url(kind, tmp_path))
    day = int(time.time()) // DAY * DAY - DAY
    with hub.serving():
        settings = {
            "upstream": {"servers": [f"127.0.0.1:{resolver.port}"]},
            "groups": {"Lớp 3A": {"age": 8, "block": ["bad.example.com"]}, "Lớp 6B": {"age": 11}},
            "default_group": "Lớp 3A",
            "report": {"every": "500ms"},
            "feed": {"hub": f"http://127.0.0.1:{hub.port}"},
        }
        with node(tmp_path / "node", settings) as one:

            def asked(times):
                one.ask("bad.example.com")
                return eventually(lambda: own(hub) >= times, seconds=30)

            assert eventually(lambda: "not enrolled" in one.run("report", "status").stdout)
            book = Book(one.state / FILE)
            for group, signal, number in (
                ("Lớp 3A", Signal.VPN, 5), ("Lớp 3A", Signal.DOT, 2), ("Lớp 6B", Signal.VPN, 4),
            ):  # fmt: skip
                book.add({(group, signal): number}, day + 7)
            (one.state / "report" / TOLD).write_text(f'{{"day": {day - DAY}}}')
            invited = hub.post("/v1/invitations", {"name": "S", "province": "79"}, hub.operator)
            assert one.run("feed", "enrol", invited.json["code"]).returncode == 0
            assert asked(1), "the hub's first answer says what it takes"
            assert eventually(lambda: len(signs_of(hub)) == 2, seconds=30)
            told = [(row["bucket"], row["bracket"], row["count"]) for row in signs_of(hub)]
            assert sorted(told) == [(day, "11-12", 4), (day, "6-10", 5)]
            one.process.kill()
            one.process.wait()
            one.process = start(one.folder)
            wait_for(one, "/readyz")
            assert asked(2), "it reports again"
            assert len(signs_of(hub)) == 2
            assert "set aside" not in one.log
            lanes = {row["lane"]: row["chain"] for row in rows_of(hub, batches)}
            assert lanes == {"counts": "whole", "signals": "whole"}
        everything = json.dumps([rows_of(hub, table) for table in (counts, batches)], default=repr)
        for word in ("Lớp", "3A", "6B", "127.0.0.1"):
            assert word not in everything
        date = time.strftime("%Y-%m-%d", time.gmtime(day))
        wanted = [
            "day,signal,age,nodes,attempts",
            f"{date},vpn,11-12,1,4",
            f"{date},vpn,6-10,1,5",
        ]
        assert hub.command("export", "bypass.csv").stdout.split() == wanted
        told = hub.get("/v1/export/bypass.csv", hub.operator)
        assert told.status == 200
        assert "bypass" not in hub.command("export", "statistics").stdout
        assert "bypass" not in hub.command("export", "public").stdout
