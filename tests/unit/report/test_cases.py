"""The book of cases: taken from the box, decided once, bounded, and over in time."""

import multiprocessing
import os
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.http.page import cases as workers
from filterd.http.page.cases import Box
from filterd.model.case import ALPHABET, Case, from_line, to_line
from filterd.model.errors import RulesError
from filterd.report import cases as book_module
from filterd.report.cases import CLOSED_FOR, DAY, MOST, OPEN_FOR, Book
from tests.support.steps import killed_at

HOUR = 3600
NOW = 500_000 * HOUR


def reference(number):
    digits = []
    for _ in range(8):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    word = "".join(digits)
    return f"{word[:4]}-{word[4:]}"


def case(number=0, hour=NOW, **more):
    return Case(reference(number), hour, "list", "lesson", host="a.example", **more)


def numbers(kept):
    return sorted(each.case.reference for each in kept)


def test_both_sides_name_the_same_files():
    assert (workers.BOX, workers.LOCK) == (book_module.BOX, book_module.LOCK)


def test_what_is_put_in_the_box_is_in_the_book_once(tmp_path):
    for number in range(3):
        assert Box(tmp_path).put(case(number))
    Box(tmp_path).put(case(1))
    book = Book(tmp_path)
    assert numbers(book.look(NOW)) == sorted(map(reference, range(3)))
    Box(tmp_path).put(case(2, note="again"))
    assert {each.case.note for each in book.look(NOW)} == {""}
    assert not (tmp_path / book_module.BOX).exists()


def test_a_case_is_closed_once_with_an_answer(tmp_path):
    Box(tmp_path).put(case(5))
    book = Book(tmp_path)
    done = book.close(f" {reference(5).lower()} ", NOW + 5, opened_up=True, answer="từ thứ Hai")
    assert book.look(NOW + 6) == (done,)
    assert (done.closed, done.opened_up, done.answer) == (NOW + 5, True, "từ thứ Hai")
    with pytest.raises(RulesError, match="closed already"):
        book.close(reference(5), NOW, opened_up=False, answer="")
    with pytest.raises(RulesError, match="there is no case"):
        book.close(reference(6), NOW, opened_up=False, answer="")
    with pytest.raises(RulesError, match="one line"):
        book.close(reference(5), NOW, opened_up=False, answer="a\nb")


def test_cases_end(tmp_path):
    for number in (1, 2):
        Box(tmp_path).put(case(number))
    book = Book(tmp_path)
    book.close(reference(1), NOW, opened_up=False, answer="")
    assert numbers(book.look(NOW + CLOSED_FOR - 1)) == sorted([reference(1), reference(2)])
    assert numbers(book.look(NOW + CLOSED_FOR)) == [reference(2)]
    assert numbers(book.look(NOW + OPEN_FOR)) == []
    assert (tmp_path / book_module.BOOK).read_bytes() == b""


def test_a_flood_pushes_out_no_open_case(tmp_path):
    old = [case(number, NOW - DAY) for number in range(2)]
    (tmp_path / book_module.BOX).write_bytes(b"".join(map(to_line, old)))
    book = Book(tmp_path)
    book.close(reference(1), NOW, opened_up=False, answer="")
    flood = (case(number) for number in range(10, MOST + 10))
    (tmp_path / book_module.BOX).write_bytes(b"".join(map(to_line, flood)))
    kept = book.look(NOW)
    assert len(kept) == MOST
    assert reference(0) in numbers(kept)
    assert reference(1) not in numbers(kept)  # closed ones make room


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 3000,
        to_line(case(note="x" * 9000)),
        to_line(case(note="\x1b[31m")),
        to_line(replace(case(), reference="../../etc")),
        to_line(replace(case(), hour=NOW + 7)),
        to_line(replace(case(), hour="1")),
        to_line(replace(case(), hour=True)),
        to_line(replace(case(), age=-1)),
        to_line(replace(case(), host=["a"])),
        to_line(case())[:-3],
        to_line(case()).replace(b'"note"', b'"client": "192.0.2.1", "note"'),
    ],
)
def test_what_is_no_case_is_passed_over(tmp_path, line):
    assert from_line(line.rstrip(b"\n")) is None
    (tmp_path / book_module.BOX).write_bytes(line.rstrip(b"\n") + b"\n" + to_line(case(9)))
    assert numbers(Book(tmp_path).look(NOW)) == [reference(9)]


def test_a_damaged_book_loses_the_damaged_line_only(tmp_path):
    for number in (1, 2):
        Box(tmp_path).put(case(number))
    Book(tmp_path).look(NOW)
    path = tmp_path / book_module.BOOK
    path.write_bytes(b'{"case": 1}\nrubbish\n' + path.read_bytes())
    assert numbers(Book(tmp_path).look(NOW)) == sorted([reference(1), reference(2)])


def _put(folder, first):
    for number in range(first, first + 60):
        assert Box(folder).put(case(number))


def test_several_workers_and_a_reader_lose_nothing(tmp_path):
    fork = multiprocessing.get_context("spawn")
    writers = [fork.Process(target=_put, args=(tmp_path, 100 * n)) for n in range(3)]
    for each in writers:
        each.start()
    book = Book(tmp_path)
    while any(each.is_alive() for each in writers):
        book.look(NOW)
    for each in writers:
        each.join()
        assert each.exitcode == 0
    wanted = sorted(reference(100 * n + k) for n in range(3) for k in range(60))
    assert numbers(book.look(NOW)) == wanted


def test_killed_at_any_step_no_case_is_lost_or_doubled(tmp_path):
    step = 0
    while True:
        step += 1
        folder = tmp_path / str(step)
        folder.mkdir()
        Box(folder).put(case(1))

        def work(reached, folder=folder):
            for owner, name in (
                (Path, "rename"),
                (Path, "replace"),
                (Path, "unlink"),
                (os, "fsync"),
            ):
                real = getattr(owner, name)

                def step_by_step(*args, real=real, **more):
                    reached()
                    done = real(*args, **more)
                    reached()
                    return done

                setattr(owner, name, step_by_step)
            Book(folder).look(NOW)

        killed = killed_at(step, work)
        assert numbers(Book(folder).look(NOW)) == [reference(1)]
        if not killed:
            break
    assert step > 4
