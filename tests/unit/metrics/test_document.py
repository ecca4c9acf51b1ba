import re
from pathlib import Path

from filterd.metrics import document
from filterd.metrics.names import METRICS

ROOT = Path(__file__).parents[3]


def test_the_committed_page_is_up_to_date():
    assert document.main(["--check", "--page", str(ROOT / document.PAGE)]) == 0


def test_check_notices_a_stale_page_and_leaves_it(tmp_path, capsys):
    page = tmp_path / "metrics.md"
    page.write_text("old")
    assert document.main(["--check", "--page", str(page)]) == 1
    assert page.read_text() == "old"
    assert "out of date" in capsys.readouterr().err
    assert document.main(["--page", str(page)]) == 0
    assert document.main(["--check", "--page", str(page)]) == 0


def test_every_metric_is_on_the_page():
    text = document.page()
    assert all(f"`{metric.name}`" in text for metric in METRICS)


def test_what_is_asked_of_the_metrics_is_there():
    asked = document.page().partition("## What to ask")[2]
    shown = re.findall(r"```promql\n(.*?)```", asked, re.DOTALL)
    names = {metric.name: {label.name for label in metric.labels} for metric in METRICS}
    assert len(shown) > 4
    for text in shown:
        used = re.findall(r"filterd_\w+", text)
        assert used
        assert set(used) <= names.keys()
        by = re.findall(r"by \((\w+)\)", text)
        assert all(label in names[name] for label in by for name in used)
        for name, label, value in re.findall(r"(filterd_\w+)\{(\w+)=\"(\w+)\"\}", text):
            assert label in names[name]
            assert value in next(m for m in METRICS if m.name == name).labels[0].values
