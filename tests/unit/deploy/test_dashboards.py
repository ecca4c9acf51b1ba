"""The dashboards: what Grafana reads is fresh, is what its schema knows, and names nobody."""

import json
import re

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.board import LANGUAGES
from deploy.grafana.generate import BOARDS, main
from tests.support.eyes import GRAFANA, dashboards, queries, series_named, series_there

BOARD_FILES = dashboards()
LABELS = {
    "act", "alertname", "category", "door", "group", "instance", "kind", "le", "list", "rcode",
    "reason", "route", "rule", "server", "severity", "signal", "state", "step", "type",
}  # fmt: skip


def lost(ours, theirs, path="$"):
    """Yield what of our JSON is not, or otherwise, in what Grafana's own types made of it."""
    if isinstance(ours, dict):
        for key, value in ours.items():
            if not isinstance(theirs, dict) or key not in theirs:
                yield f"{path}.{key}"
            else:
                yield from lost(value, theirs[key], f"{path}.{key}")
    elif isinstance(ours, list):
        if not isinstance(theirs, list) or len(ours) != len(theirs):
            yield path
        else:
            for at, (one, other) in enumerate(zip(ours, theirs, strict=True)):
                yield from lost(one, other, f"{path}[{at}]")
    elif ours != theirs:
        yield path


def panels(board):
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def test_there_is_a_file_for_each_board_and_language_and_it_is_fresh():
    assert set(BOARD_FILES) == {f"{lang}/{b.uid}.json" for lang in LANGUAGES for b in BOARDS}
    assert main(["--check"]) == 0


def test_a_stale_file_is_told_and_written_anew(tmp_path, capsys):
    assert main(["--check", "--folder", str(tmp_path)]) == 1
    assert "generate" in capsys.readouterr().err
    assert main(["--folder", str(tmp_path)]) == 0
    assert main(["--check", "--folder", str(tmp_path)]) == 0


@pytest.mark.parametrize("name", sorted(BOARD_FILES))
def test_grafanas_own_types_know_all_of_it(name):
    register_default_plugins()
    ours = BOARD_FILES[name]
    theirs = json.loads(JSONEncoder().encode(Dashboard.from_json(ours)))
    # The first threshold has no value: they leave it out, which is the same.
    assert [each for each in lost(ours, theirs) if not each.endswith("steps[0].value")] == []
    ours["panels"][0]["fieldConfig"]["defaults"]["untis"] = "s"
    assert any(each.endswith("untis") for each in lost(ours, theirs)), "it sees a wrong key"
    del ours["panels"][0]["fieldConfig"]["defaults"]["untis"]


@pytest.mark.parametrize("name", sorted(BOARD_FILES))
def test_panels_fill_their_lines_and_none_lies_on_another(name):
    taken = set()
    for panel in BOARD_FILES[name]["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
    height = max(y for _, y in taken) + 1
    assert taken == {(x, y) for x in range(24) for y in range(height)}, "there are gaps"


@pytest.mark.parametrize("name", sorted(BOARD_FILES))
def test_every_panel_says_what_it_is(name):
    board = BOARD_FILES[name]
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    titles = [panel["title"] for panel in panels(board)]
    assert len(set(titles)) == len(titles)
    for panel in panels(board):
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        letters = [target["refId"] for target in panel["targets"]]
        assert letters == sorted(set(letters))


def test_both_languages_ask_the_same_and_speak_differently():
    for board in BOARDS:
        vi, en = (BOARD_FILES[f"{lang}/{board.uid}.json"] for lang in ("vi", "en"))
        for one, other in zip(panels(vi), panels(en), strict=True):
            assert [t["expr"] for t in one["targets"]] == [t["expr"] for t in other["targets"]]
            assert one["title"] != other["title"] or one["title"] == "SERVFAIL"
            assert (
                one["description"] != other["description"]
                or "UDP" in one["description"]
                or ("NOERROR" in one["description"])
            )


def test_every_series_of_a_query_exists():
    there = series_there()
    asked = {name for query in queries() for name in series_named(query.expr)}
    assert len(asked) > 60
    assert asked - there == set()


def test_no_query_looks_at_anything_finer_than_a_group_or_a_node():
    for query in queries():
        for labels in re.findall(r"\b(?:by|without) \(([^)]*)\)", query.expr):
            assert set(re.findall(r"\w+", labels)) <= LABELS, query
        assert set(re.findall(r"\{\{(\w+)\}\}", query.legend)) <= LABELS, query


def test_what_is_provisioned_is_what_dashboards_name():
    folder = GRAFANA / "provisioning"
    [source] = yaml.safe_load((folder / "datasources/filterd.yml").read_text())["datasources"]
    named = {
        each["datasource"]["uid"]
        for board in BOARD_FILES.values()
        for panel in panels(board)
        for each in (panel, *panel["targets"])
    }
    assert named == {source["uid"]}
    providers = yaml.safe_load((folder / "dashboards/filterd.yml").read_text())["providers"]
    assert {each["options"]["path"].rpartition("/")[2] for each in providers} == set(LANGUAGES)
