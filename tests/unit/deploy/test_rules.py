"""Recording and alert rules: what they ask for exists, and each alert says what to do."""

import re
import subprocess

import pytest
import yaml

from tests.support.data import ROOT
from tests.support.eyes import PROMETHEUS, RULES, rules, series_named, series_there
from tests.support.needs import program

ALERTS, RECORDS = rules("alert"), rules("record")
TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))
RUNBOOK = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
SEVERITIES = {"critical", "warning"}


def promtool(*words):
    found = program("promtool", "prometheus")
    return subprocess.run(
        [found, *map(str, words)], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("name", sorted(ALERTS))
def test_an_alert_says_what_it_means_in_both_languages_and_where_to_read_on(name):
    alert = ALERTS[name]
    assert re.fullmatch(r"\d+[mhd]", alert["for"])
    assert alert["labels"].keys() == {"severity"}
    assert alert["labels"]["severity"] in SEVERITIES
    told = alert["annotations"]
    assert told.keys() == {
        "summary", "summary_en", "description", "description_en", "runbook",
    }  # fmt: skip
    assert told["runbook"] == f"docs/runbook.md#{name.lower()}"
    for word in ("summary", "description"):
        assert not told[f"{word}_en"].isascii() or told[word] != told[f"{word}_en"]
        assert not told[word].isascii(), "it is in Vietnamese"
        assert told[f"{word}_en"].isascii()


@pytest.mark.parametrize("name", sorted(ALERTS))
def test_the_runbook_has_a_section_for_each_alert(name):
    section = RUNBOOK.partition(f"\n### {name}\n")[2].partition("\n### ")[0]
    assert len(section) > 100


def test_the_runbook_has_no_section_of_an_alert_that_is_gone():
    assert set(re.findall(r"^### (\w+)$", RUNBOOK, re.MULTILINE)) == set(ALERTS)


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_a_recorded_series_is_named_level_metric_operation(name):
    level, metric, operation = name.split(":")
    assert re.fullmatch(r"(job|instance)(_[a-z]+)*", level)
    assert metric.startswith("filterd_")
    assert operation


def test_every_series_of_a_rule_exists():
    there = series_there()
    asked = {name for rule in (*ALERTS.values(), *RECORDS.values())
             for name in series_named(rule["expr"])}  # fmt: skip
    assert len(asked) > 60
    assert asked - there == set()


def test_every_alert_is_seen_firing_in_a_test_and_every_test_ends_quiet():
    seen = set()
    for path in TESTS:
        for each in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            if (
                "promql_expr_test" not in each
                or "ALERTS" not in each["promql_expr_test"][0]["expr"]
            ):
                continue
            first, *rest = each["promql_expr_test"]
            assert first["exp_samples"] == [], "before the fault"
            samples = [sample["labels"] for expected in rest for sample in expected["exp_samples"]]
            seen |= {re.search(r'alertname="(\w+)"', labels)[1] for labels in samples}
            assert not any('"good"' in labels for labels in samples)
            assert '"good"' in str(each["input_series"])
    assert seen == set(ALERTS)


@pytest.mark.real
def test_promtool_finds_no_fault_in_rules_and_configuration():
    done = promtool("check", "rules", *RULES)
    assert done.returncode == 0, done.stdout + done.stderr
    done = promtool("check", "config", PROMETHEUS / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.real
@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_promtool_runs_the_tests_of_rules(path):
    done = promtool("test", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr
