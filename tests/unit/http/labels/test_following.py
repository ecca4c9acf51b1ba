"""A worker takes what the daemon saved, and nothing that it did not."""

import os
import threading

import pytest

from filterd.http.labels.base import Label
from filterd.http.labels.cache import LabelCache
from filterd.http.labels.following import Following
from filterd.http.labels.keeping import read_secret, save
from filterd.http.labels.site import SiteLabel

SECRET = b"secret of a school"
T16, ADULT = Label(16, "test"), Label(18, "test")


def saved(path, *hosts):
    cache = LabelCache(SECRET)
    for host in hosts:
        cache.learn_files(host, (SiteLabel(T16),), 0)
    save(cache, path, 0)


def test_a_changed_file_is_taken_whole_and_pages_stay(tmp_path):
    path, mine = tmp_path / "labels.json", LabelCache(SECRET)
    following = Following(mine, path)
    assert not following.look(1)  # there is none yet
    mine.learn_page("own.example", "/", ADULT, 1)
    saved(path, "a.example", "b.example")
    assert following.look(1)
    assert not following.look(1)
    assert mine.find("a.example", "/x", 1) == T16
    saved(path, "b.example")  # a.example has taken its label away
    assert following.look(1)
    assert mine.find("a.example", "/x", 1) is None
    assert mine.find("b.example", "/x", 1) == T16
    assert mine.find("own.example", "/", 1) == ADULT


def test_a_damaged_file_changes_nothing_and_is_told_once(tmp_path, caplog):
    path, mine = tmp_path / "labels.json", LabelCache(SECRET)
    following = Following(mine, path)
    saved(path, "a.example")
    assert following.look(1)
    path.write_text('{"version": 1, "files": [[1, 2')
    assert not following.look(1)
    assert not following.look(1)
    assert caplog.text.count("replaced at the next save") == 1
    assert mine.find("a.example", "/", 1) == T16
    path.unlink()
    assert not following.look(1)
    assert mine.find("a.example", "/", 1) == T16


def test_who_asks_while_a_file_is_read_sees_the_old_or_the_new(tmp_path):
    path, mine = tmp_path / "labels.json", LabelCache(SECRET)
    following, ended = Following(mine, path), threading.Event()
    hosts = [f"{number}.example" for number in range(300)]
    saved(path, *hosts)
    following.look(1)
    wrong = []

    def ask():
        while not ended.is_set():
            wrong.extend(host for host in hosts if mine.find(host, "/", 1) != T16)

    thread = threading.Thread(target=ask)
    thread.start()
    for _ in range(20):
        saved(path, *hosts)
        assert following.look(1)
    ended.set()
    thread.join()
    assert wrong == []


def test_whoever_comes_first_makes_the_secret_and_all_have_the_same(tmp_path):
    path, found = tmp_path / "labels.key", []
    threads = [
        threading.Thread(target=lambda: found.append(read_secret(path, os.urandom)))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert len(set(found)) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["labels.key"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_secret_that_is_none_is_refused(tmp_path):
    (tmp_path / "labels.key").write_bytes(b"short")
    with pytest.raises(ValueError, match="delete it"):
        read_secret(tmp_path / "labels.key", os.urandom)
