import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.http.labels.base import Label
from filterd.http.labels.cache import PAGE_SECONDS, SITE_SECONDS, Bounds, LabelCache
from filterd.http.labels.keeping import LabelsNotLoaded, load, save
from filterd.http.labels.scope import read_scope
from filterd.http.labels.site import Part, SiteLabel

SECRET = bytes(range(32))
RTA = Label(18, "rta", "RTA")
T13 = Label(13, "age-label", "film:T13")
NONE = Label(0, "rating", "general")


def cache(**bounds):
    return LabelCache(SECRET, Bounds(**bounds))


def test_a_front_page_speaks_for_its_host_and_no_other():
    known = cache()
    assert known.learn_page("a.example.test", "/", RTA, 0) == RTA
    assert known.find("a.example.test", "/any", 1) == RTA
    assert known.find("b.example.test", "/", 1) is None
    assert known.find("example.test", "/", 1) is None


def test_another_page_speaks_for_itself():
    known = cache()
    known.learn_page("blog.example.test", "/one?x=1", RTA, 0)
    assert known.find("blog.example.test", "/one?x=1", 1) == RTA
    assert known.find("blog.example.test", "/one", 1) is None
    assert known.find("blog.example.test", "/", 1) is None
    known.learn_page("blog.example.test", "/one?x=1", None, 2)
    assert known.find("blog.example.test", "/one?x=1", 3) is None


def test_labels_end():
    known = cache()
    known.learn_page("example.test", "/", RTA, 0)
    known.learn_page("example.test", "/x", RTA, 0)
    known.learn_files("site.test", (SiteLabel(T13),), 0)
    assert known.find("example.test", "/x", PAGE_SECONDS - 1) == RTA
    assert known.find("example.test", "/x", PAGE_SECONDS) is None
    assert known.find("site.test", "/", SITE_SECONDS - 1) == T13
    assert known.find("site.test", "/", SITE_SECONDS) is None


def test_the_stricter_counts_between_file_front_and_page():
    known = cache()
    known.learn_files("example.test", (SiteLabel(T13),), 0)
    assert known.learn_page("example.test", "/", NONE, 0) == T13
    assert known.learn_page("example.test", "/x", RTA, 0) == RTA
    assert known.find("example.test", "/x", 1) == RTA
    assert known.find("example.test", "/y", 1) == T13


def test_of_several_files_the_stricter_counts_at_each_address():
    one = SiteLabel(NONE, (Part(read_scope("/film/"), RTA),))
    other = SiteLabel(T13, (Part(read_scope("/kids/"), NONE),))
    for files in ((one, other), (other, one)):
        known = cache()
        known.learn_files("example.test", files, 0)
        assert known.find("example.test", "/film/1", 1) == RTA
        assert known.find("example.test", "/", 1) == T13
        assert known.find("example.test", "/kids/1", 1) == NONE


def test_a_file_may_leave_it_to_the_pages():
    known = cache()
    known.learn_files("example.test", (SiteLabel(RTA, pages_say=True),), 0)
    assert known.find("example.test", "/x", 1) is None
    assert known.learn_page("example.test", "/x", None, 1) == RTA
    assert known.learn_page("example.test", "/y", T13, 1) == T13


def test_a_part_counts_instead_of_the_default():
    scope = read_scope("example.test/kids/")
    known = cache()
    known.learn_files("example.test", (SiteLabel(RTA, (Part(scope, NONE),)),), 0)
    assert known.find("example.test", "/kids/a", 1) == NONE
    assert known.find("example.test", "/a", 1) == RTA


def test_it_is_bounded_and_keeps_what_is_used():
    known = cache(sites=10, pages=10)
    known.learn_page("used.test", "/", RTA, 0)
    for count in range(100):
        known.learn_page(f"{count}.test", "/", RTA, 0)
        known.learn_page(f"{count}.test", "/x", RTA, 0)
        known.learn_files(f"{count}.test", (), 0)
        assert known.find("used.test", "/", 0) == RTA
    assert len(known.fronts) == len(known.files) == len(known._pages) == 10


def test_whether_a_site_is_labelled_is_unknown_until_its_files_were_looked_at():
    known = cache()
    assert known.labelled("a.test", 0) is None
    known.learn_page("a.test", "/", None, 0)
    known.learn_page("a.test", "/x", RTA, 0)
    assert known.labelled("a.test", 0) is None
    known.learn_files("a.test", (), 0)
    assert known.labelled("a.test", 0) is False
    known.learn_files("a.test", (SiteLabel(NONE),), 0)
    assert known.labelled("a.test", 0) is True
    known.learn_page("b.test", "/", NONE, 0)
    assert known.labelled("b.test", 0) is True


def test_a_worker_has_what_the_daemon_saved_last(tmp_path):
    daemon, worker, path = cache(), cache(), tmp_path / "labels.json"
    worker.learn_page("front.test", "/", RTA, 0)
    daemon.learn_files("a.test", (SiteLabel(RTA),), 0)
    daemon.learn_files("b.test", (SiteLabel(T13),), 0)
    save(daemon, path, 0)
    load(worker, path, 0)
    daemon.learn_files("a.test", (), 1)
    save(daemon, path, 1)
    load(worker, path, 1)
    assert worker.find("a.test", "/", 1) is None
    assert worker.find("b.test", "/", 1) == T13
    assert worker.find("front.test", "/", 1) == RTA


def filled():
    known = cache()
    known.learn_page("front.test", "/", RTA, 100)
    known.learn_page("none.test", "/", None, 100)
    known.learn_page("front.test", "/page", T13, 100)
    part = Part(read_scope(r"^https?://file\.test/a/.*$"), NONE)
    known.learn_files("file.test", (SiteLabel(T13, (part,), pages_say=False),), 100)
    known.learn_files("nothing.test", (), 100)
    return known


def test_it_is_saved_and_loaded(tmp_path):
    path = tmp_path / "labels.json"
    assert save(filled(), path, 100) == 2
    again = cache()
    assert load(again, path, 200) == 2
    assert again.find("front.test", "/z", 200) == RTA
    assert again.find("file.test", "/", 200) == T13
    assert again.find("file.test", "/a/b", 200) == NONE
    assert again.labelled("nothing.test", 200) is None


def test_the_file_names_no_site_and_no_page(tmp_path):
    path = tmp_path / "labels.json"
    known = cache()
    known.learn_page("visited.example.test", "/secret", RTA, 0)
    known.learn_page("visited.example.test", "/", RTA, 0)
    known.learn_files("other.example.test", (), 0)
    save(known, path, 0)
    text = path.read_text()
    assert "example" not in text
    assert "secret" not in text
    assert len(json.loads(text)["fronts"]) == 1
    assert json.loads(text)["files"] == []
    assert load(LabelCache(b"another secret..", Bounds()), path, 0) == 1


def test_no_file_is_an_empty_cache(tmp_path):
    assert load(cache(), tmp_path / "labels.json", 0) == 0


def test_a_clock_that_was_wrong_makes_no_label_eternal(tmp_path):
    path = tmp_path / "labels.json"
    known = cache()
    known.learn_page("front.test", "/", RTA, 10**9)
    save(known, path, 10**9)
    for written in (path.read_text(), path.read_text().replace(str(10.0**9 + PAGE_SECONDS), "NaN")):
        path.write_text(written)
        again = cache()
        load(again, path, 50)
        assert again.find("front.test", "/", 49 + PAGE_SECONDS) == RTA
        assert again.find("front.test", "/", 50 + PAGE_SECONDS) is None
    assert "NaN" in written


@given(st.data())
def test_a_damaged_file_is_refused_whole(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("labels") / "labels.json"
    save(filled(), path, 100)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    again = cache()
    with contextlib.suppress(LabelsNotLoaded):
        load(again, path, 100)
        return  # damaged in a way that is a file still
    assert len(again.files) == len(again.fronts) == 0


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"version":2,"files":[],"fronts":[]}', "[" * 100_000,
     '{"version":1,"files":[["zz",1,{}]],"fronts":[]}',
     '{"version":1,"files":[],"fronts":[["00",1,[99,"rta",""]]]}',
     '{"version":1,"files":[],"fronts":[["00",1,[true,"rta",""]]]}',
     '{"version":1,"files":[],"fronts":[["00",1' + "0" * 400 + ',[18,"rta",""]]]}',
     '{"version":1,"files":[["00",1,[{"default":null,"parts":[[5,[1,"x",""]]],"pages_say":false}]]],"fronts":[]}',
     '{"version":1,"files":[],"fronts":[["00",1e999,[18,"rta",5]]]}',
     '{"version":1,"files":[["00",1,[{"default":null,"parts":[["^(a+)+",[1,"x",""]]],"pages_say":false}]]],"fronts":[]}'],
)  # fmt: skip
def test_a_wrong_file_says_what_will_happen(tmp_path, content):
    path = tmp_path / "labels.json"
    path.write_text(content)
    with pytest.raises(LabelsNotLoaded, match="replaced"):
        load(cache(), path, 0)


def test_a_directory_in_its_place_is_told(tmp_path):
    with pytest.raises(LabelsNotLoaded, match="cannot be read"):
        load(cache(), tmp_path, 0)
