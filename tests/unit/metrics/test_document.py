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
