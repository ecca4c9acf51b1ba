"""The daemon keeps the book of cases, and no fault of the disk ends that."""

from filterd.app.cases import take_in
from filterd.http.page.cases import BOX, Box
from filterd.model.case import Case
from filterd.report.cases import Book

NOW = 500_000 * 3600


def test_without_a_folder_there_is_nothing_to_do(tmp_path):
    take_in(tmp_path / "http", NOW)
    assert list(tmp_path.iterdir()) == []


def test_the_box_is_emptied_into_the_book(tmp_path):
    Box(tmp_path).put(Case("K7QD-3MXA", NOW, "list", "lesson"))
    take_in(tmp_path, NOW)
    assert not (tmp_path / BOX).exists()
    assert [each.case.reference for each in Book(tmp_path).look(NOW)] == ["K7QD-3MXA"]


def test_a_folder_that_cannot_be_used_is_said(tmp_path, caplog):
    (tmp_path / "cases.turn").mkdir()
    take_in(tmp_path, NOW)
    assert "cases wait" in caplog.text
