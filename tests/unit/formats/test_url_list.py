import pytest

from filterd.formats.base import Options
from filterd.formats.detect import detect
from filterd.formats.url_list import UrlList
from filterd.model.rule import Refusal, Rule, UrlPattern


@pytest.mark.parametrize(
    ("line", "host", "path"),
    [
        ("https://login.bank.example/a/../b.php?x=1#y", "login.bank.example", "/b.php?x=1"),
        ("HTTP://0x7f.1:8080/a", "127.0.0.1", "/a"),
        ("http://[2001:db8::1]/a", "[2001:db8::1]", "/a"),
        ("bad.example/", "bad.example", "/"),
        ("https://b\u00fccher.example/%61  # seen today", "xn--bcher-kva.example", "/a"),
    ],
)
def test_a_line_is_a_host_and_a_path(line, host, path):
    assert UrlList().reader(Options()).read(1, line) == (Rule(UrlPattern(host, path)),)
    (rule,) = UrlList().reader(Options(subdomains=True, wide=True)).read(1, line)
    assert rule.pattern == UrlPattern(host, path, subtree=True)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("https://bad.example", "bad-syntax"),
        ("bad.example", "bad-syntax"),
        ("https://bad.example/ https://worse.example/", "bad-syntax"),
        ("https:///path", "bad-name"),
        ("https://1.2.3.4.5/", "bad-name"),
        ("https://com/x", "bad-name"),
        (f"https://{'.'.join(['a' * 60] * 4)}/x", "unsupported-pattern"),
    ],
)
def test_what_is_refused(line, code):
    (item,) = UrlList().reader(Options()).read(1, line)
    assert isinstance(item, Refusal)
    assert item.code == code


def test_a_path_on_every_site_of_a_suffix_is_too_wide():
    (item,) = UrlList().reader(Options(subdomains=True)).read(1, "https://com.vn/x")
    assert item.code == "too-wide"


def test_a_feed_of_urls_is_known_by_its_lines():
    feed = b"# feed\n" + b"".join(b"https://bad%d.example/p/%d\n" % (n, n) for n in range(50))
    form, _ = detect(feed)
    assert form is not None
    assert form.name == "urls"
