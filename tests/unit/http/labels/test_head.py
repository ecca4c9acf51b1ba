import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.http.labels.head import MOST_BYTES, Head, is_page

RTA = "RTA-5042-1996-1400-1577-RTA"
META = f'<meta name="rating" content="{RTA}">'
PAGE = """<!DOCTYPE html PUBLIC "a>b"><!-- <meta name=rating content=mature> --><!-->
<html lang=vi><head><title>Trang của em <meta name="rating" content="mature"></title>
<script>if (a</b) "<meta name='rating' content='adult'>"</script >
<meta http-equiv=Content-Type content="text/html; charset=utf-8"><link rel=x/>
<META\tcontent = '14 years' NAME=rating name=description data-x>
<meta name=rating content="general"/></head><body><meta name=rating content=adult>"""


def read(page, content_type="text/html"):
    return Head(content_type).feed(page if isinstance(page, bytes) else page.encode())


def age(page, content_type="text/html"):
    label = read(page, content_type)
    return None if label is None else label.min_age


def test_a_page_is_read():
    assert read(f"<html><head>{META}</head>").scheme == "rta"
    assert age(PAGE) == 14


@pytest.mark.parametrize(
    ("encode", "kind"),
    [
        (lambda page: page.encode(), "text/html; charset=utf-8"),
        (lambda page: b"\xef\xbb\xbf" + page.encode(), ""),
        (lambda page: codecs.BOM_UTF16_LE + page.encode("utf-16-le"), "text/html"),
        (lambda page: codecs.BOM_UTF16_BE + page.encode("utf-16-be"), "text/html;charset=utf-8"),
        (lambda page: page.encode("utf-16-le"), 'text/html; charset="UTF-16"'),
        (lambda page: page.encode("utf-16-be"), "text/html; charset=utf-16be"),
        (lambda page: page.replace("ủ", "u").encode("windows-1258", "replace"), "text/html"),
    ],
)
def test_every_way_to_cut_a_page_gives_the_same_label(encode, kind):
    page = encode(PAGE)
    for cut in range(len(page) + 1):
        head = Head(kind)
        head.feed(page[:cut])
        assert head.feed(page[cut:]).min_age == 14, cut
        assert head.done
    single = Head(kind)
    for at in range(len(page)):
        single.feed(page[at : at + 1])
    assert (single.label.min_age, single.label.said) == (14, "14 years")


JAPANESE = '<head><meta charset="ISO-2022-JP"><title>\x1b$B"&<L%$\x1b(B</title><meta name=rating content="adult">'


@pytest.mark.parametrize("kind", ["text/html", "text/html; charset=iso-2022-jp"])
def test_an_encoding_that_shifts_is_followed_from_where_it_is_said(kind):
    page = JAPANESE.encode("latin-1")
    for cut in range(len(page) + 1):
        head = Head(kind)
        head.feed(page[:cut])
        assert head.feed(page[cut:]).min_age == 18, cut


@pytest.mark.parametrize(
    "inside",
    [
        "<!-- {} -->", "<!--{}-->", "<script>{}</script>", "<style>{}</style>",
        "<title>{}</title>", "<noscript>{}</noscript>", "<template>{}</template>",
        "<script><!-- {} --></script>", "<SCRIPT type=x>{}</Script>", "<? {}", "<!doctype {}",
        "</head>{}", "<body>{}", "<div>{}", "<textarea>{}</textarea>", "<p title='>'>{}",
        "<script>{}", "<!--{}", "<title>{}", "<link title='{}'>", "</meta {}",
    ],
)  # fmt: skip
def test_a_label_that_is_no_part_of_the_head_is_not_read(inside):
    assert age("<html><head>" + inside.format(META.replace("'", '"'))) is None


@pytest.mark.parametrize(
    "before",
    [
        "", "text ", "a < b ", "<3 ", "<>", "</>", "</3>", "<!>", "<!-->", "<!--->", "<!-- -- -->",
        "<!--x--!>", "<?xml version='1.0'?>", "<![CDATA[x]]>", "<script></script>",
        "<script></scriptx></script >", "<style>a{}</style/>", "<title></title\n>", "<link a==b c='>' d=\">\">",
        "<base href=x/><html/><head/>", "<meta>", "<meta =x>", "<meta name>", "<meta name= >", "\0<meta \0x>",
        "</unknown>", "<noscript></noscript>",
    ],
)  # fmt: skip
def test_what_stands_before_a_label_does_not_hide_it(before):
    assert age(before + META) == 18


def test_entities_and_duplicates_are_read_as_browsers_do():
    assert age('<meta name="r&#97;ting" content="&#82;TA-5042-1996-1400-1577-RTA">') == 18
    assert age('<meta name="rating" content="general" content="adult">') == 0
    assert age('<meta name="description" name="rating" content="adult">') is None
    assert age('<meta name=rating content="general"><meta name=rating content=adult>') == 18
    assert age('<meta http-equiv="Rating" content="adult">') == 18


def test_an_empty_element_ends_only_in_xhtml():
    page = f"<head><title/>{META}</head>"
    assert age(page, "application/xhtml+xml; charset=utf-8") == 18
    assert age(page) is None


@pytest.mark.parametrize(
    "page",
    [
        b"\xff\xfe",
        b"\xfe\xff\xd8",
        b"\xff\xfe\x00\xd8<\x00m",
        b"\x80\xff" * 99,
        b"\0" * 999,
        b"",
        b"<",
        b"<m",
    ],
)
def test_bytes_that_are_no_text_are_no_label(page):
    assert read(page, "text/html; charset=nonsense") is None


def test_null_bytes_inside_a_tag_are_part_of_it():
    assert age(b"<me\0ta name=rating content=adult>") is None
    assert age(b"<m\0e\0t\0a\0 \0n\0a\0m\0e\0=\0r\0") is None


def test_only_the_beginning_of_a_page_is_looked_at():
    late = b"<link rel=x>" * (MOST_BYTES // 12 + 1)
    head = Head("text/html")
    assert head.feed(late + META.encode()) is None
    assert head.done
    assert head.feed(META.encode()) is None


def test_a_hundred_megabytes_of_head_cost_nothing():
    head = Head("text/html")
    chunk = b"<!-- " + b"x" * 1_000_000
    for _ in range(100):
        head.feed(chunk)
    assert head.done
    assert head.label is None


@pytest.mark.parametrize(
    "piece", [b"<meta ", b"a=", b"'", b"<!--", b"</", b"&#", b"<a\n", b"<title>", b"</title"]
)
def test_a_label_is_found_whatever_is_kept_of_a_hostile_page(piece):
    head = Head("text/html")
    for _ in range(MOST_BYTES):
        head.feed(piece)
    kept = head._tags
    assert len(kept._kept) + kept._size + len(kept._tail) + len(kept._tag.attributes) < 2000
    assert head.done


@given(
    st.lists(
        st.sampled_from(
            [
                META,
                "<",
                ">",
                "!",
                "-",
                "--",
                "/",
                "'",
                '"',
                "=",
                "meta",
                "title",
                "script",
                "x",
                " ",
                "\0",
                "</title>",
                "name=rating",
                "<meta ",
                "<link ",
                "/>",
                "\n",
                " =",
                "= ",
                "\xa0",
                "<!--",
                "-->",
                "<script>",
                "</script",
                "content=adult",
                "\xe9",
            ]
        ),
        max_size=30,
    ),
    st.integers(0, 200),
    st.sampled_from(["text/html", "application/xhtml+xml"]),
)
def test_any_page_has_the_same_label_however_it_is_cut(parts, cut, kind):
    page = "".join(parts).encode()
    head = Head(kind)
    head.feed(page[:cut])
    single = Head(kind)
    for at in range(len(page)):
        single.feed(page[at : at + 1])
    assert head.feed(page[cut:]) == single.label == Head(kind).feed(page)


@given(
    st.binary(max_size=300),
    st.sampled_from(["", "text/html; charset=utf-16", "text/html; charset=iso-2022-jp"]),
)
def test_any_bytes_can_be_read(data, kind):
    single = Head(kind)
    for at in range(len(data)):
        single.feed(data[at : at + 1])
    assert single.label == Head(kind).feed(data)


@pytest.mark.parametrize(
    ("kind", "answer"),
    [("text/html", True), ("TEXT/HTML; charset=x", True), ("", True), ("application/xhtml+xml", True),
     ("image/png", False), ("text/plain", False), ("application/json", False)],
)  # fmt: skip
def test_only_pages_are_read(kind, answer):
    assert is_page(kind) is answer


@pytest.mark.parametrize("start", ["<meta content='", "<meta content=", "<meta ", "<"])
@pytest.mark.parametrize("step", [1, 700, MOST_BYTES])
def test_of_a_long_name_or_value_little_is_kept(start, step):
    head, page = Head("text/html"), (start + "m" * (MOST_BYTES - 100)).encode()
    for at in range(0, len(page), step):
        head.feed(page[at : at + step])
    assert len("".join(head._tags._kept)) <= 512
    assert age(page + b"'>" + META.encode()) == (None if start == "<" else 18)
