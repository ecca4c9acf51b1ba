import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.http.labels import age_label, age_xml, miracle
from filterd.http.labels.files import FILES, files_for, read_file
from filterd.http.labels.site import MOST_FILE, NotALabel
from filterd.http.labels.xmltree import MOST_DEPTH, MOST_ELEMENTS, read_xml
from filterd.model.group import ALWAYS

HOST = "www.example.test"


def age_file(
    labels="", default="<default-age>16</default-age>", types="<xmlfile>true</xmlfile>", before=""
):
    return f"""{before}<age-declaration>
  <ageblock-basic><age-issuer>{HOST}</age-issuer><last-change>2026-01-02</last-change>
    <label-version>2.0</label-version><revisit-after>7days</revisit-after></ageblock-basic>
  <ageblock-country><country class="age.xml"><country-code>all</country-code></country></ageblock-country>
  <ageblock-labeltype>{types}{default}</ageblock-labeltype>
  <ageblock-labeltype-definition><labeltype-xmlfile>{labels}</labeltype-xmlfile></ageblock-labeltype-definition>
</age-declaration>""".encode()


PARTS = """
<label class="default"><min-age>18</min-age></label>
<label class="kids"><age>0</age><scope>*.example.test/kids/*</scope></label>
<label class="film"><age>12</age><min-age>18</min-age><scope>^https?://www\\.example\\.test/film/.*$</scope>
  <scope>www.example.test/video</scope></label>
<label class="odd"><age>6</age><scope>^(a|b)+$</scope></label>"""


def age(site, path):
    label = site.find(HOST, path)
    return None if label is None else label.min_age


def test_age_xml_with_one_age():
    for before in (
        "",
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>',
        "\ufeff",
        "<!-- x -->\n",
    ):
        assert age(age_xml.read(age_file(before=before)), "/any") == 16
    whole = '<label class="website"><age>18</age></label>'
    assert age(age_xml.read(age_file(whole)), "/any") == 18


def test_age_xml_with_parts():
    site = age_xml.read(age_file(PARTS))
    found = [age(site, path) for path in ("/", "/kids/a", "/film/a", "/video/1", "/a")]
    assert found == [16, 0, 18, 18, 16]


def test_age_xml_that_leaves_it_to_the_pages():
    site = age_xml.read(age_file(types="<htmlmeta> TRUE </htmlmeta>"))
    assert site.pages_say
    assert site.find(HOST, "/") is None
    assert site.find_seen(HOST, "/", None).min_age == 16


@pytest.mark.parametrize(
    "data",
    [
        b"", b"<", b"not xml", b"<html><head></head></html>", b"<age-declaration/>", b"\xff\xfe<",
        age_file(default=""), age_file(default="<default-age>adult</default-age>"),
        age_file(default="<default-age>-1</default-age>"), age_file(default="<default-age>\u0661\u0668</default-age>"),
        age_file(default="<default-age>100000</default-age>"),
        age_file() + b"<x/>", age_file()[:-5], age_file().replace(b"<age-issuer>", b"<age-issuer>\0"),
        b"<age-declaration>" * 100, b" " * MOST_FILE + age_file(),
    ],
    ids=range(16),
)  # fmt: skip
def test_what_is_no_age_declaration_is_refused(data):
    with pytest.raises(NotALabel):
        age_xml.read(data)


def test_age_xml_may_be_utf_16_and_have_a_namespace():
    text = age_file(before='<?xml version="1.0" encoding="UTF-16"?>').decode()
    assert age(age_xml.read(text.encode("utf-16")), "/") == 16
    spaced = (
        age_file()
        .replace(b"<age-declaration", b'<a:age-declaration xmlns:a="urn:x"')
        .replace(b"</age-declaration", b"</a:age-declaration")
    )
    assert age(age_xml.read(spaced), "/") == 16


LAUGHS = '<!DOCTYPE lolz [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9)
)


@pytest.mark.parametrize(
    "document",
    [
        LAUGHS + "]><age-declaration>&j;</age-declaration>",
        '<!DOCTYPE x SYSTEM "http://192.0.2.1/x.dtd"><age-declaration/>',
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><age-declaration>&e;</age-declaration>',
        '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://192.0.2.1/">%p;]><age-declaration/>',
        "<!DOCTYPE age-declaration><age-declaration/>",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_refused_before_it_declares_anything(document, encoding):
    with pytest.raises(NotALabel, match="document type"):
        read_xml(document.encode(encoding))


def test_xml_is_bounded():
    with pytest.raises(NotALabel, match="levels"):
        read_xml(b"<a>" * (MOST_DEPTH + 1) + b"</a>" * (MOST_DEPTH + 1))
    with pytest.raises(NotALabel, match="elements"):
        read_xml(b"<a>" + b"<b/>" * MOST_ELEMENTS + b"</a>")
    with pytest.raises(NotALabel, match="larger"):
        read_xml(b"<a>" + b"x" * 100_000_000 + b"</a>")
    with pytest.raises(NotALabel, match="encoding"):
        read_xml(b'<?xml version="1.0" encoding="utf-7"?><a/>')
    assert read_xml(b"<a>&lt;<![CDATA[<b>]]></a>").text == "<<b>"


def miracle_file(
    age_text="<age>18</age>",
    scope='<scope><scope-urls><scope-url class="web-url">*.example.test/x</scope-url></scope-urls></scope>',
):
    return f"""<?xml version="1.0" encoding="utf-8"?>
<label xmlns="http://www.miracle-label.eu/ns/2.0/">
  <age-declaration><issuer><age-issuer>{HOST}</age-issuer><country><country-code>all</country-code></country></issuer>
  {scope}<rating>{age_text}</rating></age-declaration>
  <age-declaration><rating><age>6</age></rating></age-declaration>
  <age-declaration><scope><scope-api>https://api.example.test/</scope-api></scope><rating/></age-declaration>
  <Signature><SignatureValue>AAAA</SignatureValue></Signature>
</label>""".encode()


def test_miracle():
    for scope in (
        miracle_file(),
        miracle_file(scope="<scope><scope-url>www.example.test/x</scope-url></scope>"),
    ):
        site = miracle.read(scope)
        assert [age(site, path) for path in ("/", "/x/1")] == [6, 18]
    assert age(miracle.read(miracle_file("<age>12</age><age-min>16</age-min>", "")), "/") == 16


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<label/>",
        b"<age-declaration/>",
        b"<label><age-declaration><rating><age>x</age></rating></age-declaration></label>",
    ],
)
def test_what_is_no_miracle_label_is_refused(data):
    with pytest.raises(NotALabel):
        miracle.read(data)


def declared(**fields):
    return json.dumps({"version": 1, **fields}).encode()


@pytest.mark.parametrize(
    ("label", "expected"),
    [(0, 0), (12, 12), (18, 18), ("film:P", 0), ("film:K", 13), ("film:T13", 13), ("film:T16", 16),
     ("film:t18", 18), ("film:C", ALWAYS), ("game:00+", 0), ("game:12+", 12), ("Game:16+", 16), ("game:18+", 18)],
)  # fmt: skip
def test_a_declaration_in_every_scheme(label, expected):
    assert age(age_label.read(declared(label=label)), "/") == expected


def test_a_declaration_with_parts():
    site = age_label.read(
        declared(
            label="film:T16", operator="Trường", contact="a@example.test", date="2026-01-02", comment="x",
            parts=[{"path": "/tre-em/", "label": 0}, {"path": "/a.b", "label": 18, "comment": "x"}],
        )
    )  # fmt: skip
    found = [age(site, path) for path in ("/", "/tre-em/1?x", "/x/tre-em/", "/a.b/c", "/aXb")]
    assert found == [16, 0, 16, 18, 16]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not JSON"), (b"\xff\xfe", "not JSON"), (b"[" * 60_000, "not JSON"), (b"[]", "must be an object"),
        (b"<html>", "not JSON"), (b"1" * 60_000, "not JSON"), (b"{}" + b" " * MOST_FILE, "larger"),
        (b'{"version":1}', "label is missing"), (b'{"label":18}', "version must be 1"),
        (b'{"version":2,"label":18}', "version must be 1"), (b'{"version":true,"label":18}', "version must be 1"),
        (b'{"version":1,"label":18,"label":0}', "given twice"), (declared(lable=18), "unknown key 'lable'"),
        (declared(label=19), "label must be"), (declared(label=-1), "label must be"), (declared(label=True), "label must be"),
        (declared(label=12.5), "label must be"), (declared(label="18"), "label must be"), (declared(label="film:T12"), "label must be"),
        (declared(label=None), "label must be"), (declared(label=["film:C"]), "label must be"),
        (declared(label=0, parts={}), "parts must be"), (declared(label=0, parts=[{}] * 65), "parts must be"),
        (declared(label=0, parts=[1]), r"parts\[0\] must be an object"),
        (declared(label=0, parts=[{"path": "x", "label": 1}]), r"parts\[0\].path"),
        (declared(label=0, parts=[{"path": "/a*", "label": 1}]), r"parts\[0\].path"),
        (declared(label=0, parts=[{"path": "/ă", "label": 1}]), r"parts\[0\].path"),
        (declared(label=0, parts=[{"path": 5, "label": 1}]), r"parts\[0\].path"),
        (declared(label=0, parts=[{"path": "/"}]), r"parts\[0\].label"),
    ],
    ids=range(29),
)  # fmt: skip
def test_a_declaration_with_a_mistake_says_where(data, why):
    with pytest.raises(NotALabel, match=why):
        age_label.read(data)


def test_which_files_are_looked_for():
    assert [each.path for each in files_for("a.edu.vn")] == [
        "/.well-known/age-label.json",
        "/age.xml",
        "/miracle.xml",
    ]
    assert [each.path for each in files_for("example.de")] == [
        "/age.xml",
        "/age-de.xml",
        "/miracle.xml",
    ]
    assert [each.path for each in files_for("vn.example.test")] == ["/age.xml", "/miracle.xml"]


def test_a_page_in_place_of_a_file_is_no_label():
    assert all(read_file(each.path, b"<!DOCTYPE html><title>404</title>") is None for each in FILES)
    assert read_file("/age.xml", age_file()).default.min_age == 16
    assert read_file("/other", age_file()) is None


@given(
    st.sampled_from(FILES),
    st.binary(max_size=400)
    | st.text(alphabet='<>/="age-dclrtion label&;!?x0123456789{}[]:,', max_size=400).map(
        str.encode
    ),
)
def test_any_bytes_are_a_label_or_not(file, data):
    site = read_file(file.path, data)
    assert site is None or age(site, "/") in {None, ALWAYS, *range(19)}


@given(st.data())
def test_a_changed_file_is_a_label_or_not(data):
    file, content = data.draw(
        st.sampled_from(
            [
                ("/age.xml", age_file(PARTS)),
                ("/miracle.xml", miracle_file()),
                (
                    "/.well-known/age-label.json",
                    declared(label=1, parts=[{"path": "/x", "label": 2}]),
                ),
            ]
        )
    )
    content = bytearray(content)
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    site = read_file(file, bytes(content))
    assert site is None or age(site, "/x") in {None, ALWAYS, *range(19)}
