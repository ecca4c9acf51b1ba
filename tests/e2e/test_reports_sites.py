"""How many .vn sites had an age label on a day: from a real node's books into a real hub's, once."""

import time

import pytest
from sqlalchemy import select

from filterd.app.handing_over import FOLDER
from filterd.app.site_days import keep_day
from filterd.app.site_telling import TOLD
from filterd.http.labels.unlabelled import DAY, DayCount
from filterd.hub.tables import counts
from filterd.report.batch import SITES, SITES_LABELLED, SITES_UNLABELLED
from tests.support.databases import DATABASES, database_url
from tests.support.hub import RunningHub
from tests.support.hub_rows import database_of
from tests.support.node import eventually, node, start, wait_for

pytestmark = pytest.mark.real


def rows_of(hub):
    database = database_of(hub)
    with database.read() as connection:
        columns = (counts.c.bucket, counts.c.rule, counts.c.count)
        found = [tuple(row) for row in connection.execute(select(*columns))]
    database.close()
    return found


def sites_of(hub):
    return sorted(row for row in rows_of(hub) if row[1] in SITES)


def blocked(hub):
    return sum(count for _, rule, count in rows_of(hub) if rule == "own")


@pytest.mark.parametrize("kind", DATABASES)
def test_a_days_sites_arrive_once_also_after_a_kill(tmp_path, resolver, kind):
    hub = RunningHub(tmp_path / "hub", database_url(kind, tmp_path))
    today = int(time.time()) // DAY * DAY
    days = [DayCount(today - DAY * ago, 3, 40 + ago) for ago in (3, 2, 1)]
    told = [
        (each.day, rule, count)
        for each in days[1:]
        for rule, count in ((SITES_LABELLED, 3), (SITES_UNLABELLED, each.unlabelled))
    ]
    with hub.serving():
        settings = {
            "upstream": {"servers": [f"127.0.0.1:{resolver.port}"]},
            "groups": {"pupils": {"age": 8, "block": ["bad.example.com"]}},
            "default_group": "pupils",
            "report": {"every": "500ms"},
            "feed": {"hub": f"http://127.0.0.1:{hub.port}"},
        }
        with node(tmp_path / "node", settings) as one:
            assert eventually(lambda: "not enrolled" in one.run("report", "status").stdout)
            (one.state / FOLDER).mkdir(exist_ok=True)
            for each in days:
                keep_day(one.state / FOLDER, each, whole=True)
            (one.state / "report" / TOLD).write_text(f'{{"day": {days[0].day}}}')
            shown = one.run("report", "--show-next").stdout
            assert "42 sites of .vn without an age label" in shown
            invited = hub.post("/v1/invitations", {"name": "S", "province": "79"}, hub.operator)
            said = one.run("feed", "enrol", invited.json["code"])
            assert said.returncode == 0, said.stderr
            assert eventually(lambda: sites_of(hub) == told, seconds=30)
            one.process.kill()
            one.process.wait()
            one.process = start(one.folder)
            wait_for(one, "/readyz")
            one.ask("bad.example.com")
            assert eventually(lambda: blocked(hub) == 1, seconds=30), "it reports again"
            assert sites_of(hub) == told
            assert "set aside" not in one.log
        table = hub.command("export", "sites.csv").stdout.splitlines()
        assert [line.split(",")[1:] for line in table[1:]] == [["1", "3", "42"], ["1", "3", "41"]]
        assert "sites" not in hub.command("export", "statistics").stdout
