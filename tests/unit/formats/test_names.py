import pytest

from filterd.formats.base import Options
from filterd.formats.names import check_width, name_pattern, normalise, regex_pattern
from filterd.formats.refusals import Refused
from filterd.model.errors import InvalidName
from filterd.model.rule import NamePattern, RegexPattern, Scope

WIDE = Options(wide=True)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ads.EXAMPLE.com.", "ads.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("faß.example", "xn--fa-hia.example"),  # IDNA 2008, not the 2003 mapping to "fass"
        ("quảng-cáo.example", "xn--qung-co-mwa1769d.example"),
        ("ads。example", "ads.example"),  # UTS 46 maps the ideographic full stop
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("_dmarc.example.com", "_dmarc.example.com"),
        (".", ""),
    ],
)
def test_names_get_one_spelling(text: str, name: str) -> None:
    assert normalise(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "a..b",
        "192.0.2.1",
        "a b.example",
        "x" * 64 + ".example",
        "🙂.example",
        "\u00ad.example",
        ".a.example",
    ],
)
def test_text_that_is_no_name(text: str) -> None:
    with pytest.raises(InvalidName):
        normalise(text)


@pytest.mark.parametrize(
    ("name", "scope", "code"),
    [
        ("com", Scope.SUBTREE, "too-wide"),
        ("edu.vn", Scope.SUBTREE, "too-wide"),
        ("edu.vn", Scope.BELOW, "too-wide"),
        ("", Scope.SUBTREE, "too-wide"),
        ("lan", Scope.EXACT, "bad-name"),
    ],
)
def test_a_public_suffix_is_too_wide_unless_trusted(name: str, scope: Scope, code: str) -> None:
    with pytest.raises(Refused) as caught:
        check_width(name, scope, Options())
    assert caught.value.code == code
    check_width(name, scope, WIDE)


def test_a_public_suffix_alone_is_one_name() -> None:
    check_width("edu.vn", Scope.EXACT, Options())
    assert name_pattern("school.edu.vn", Scope.SUBTREE, Options()) == NamePattern(
        "school.edu.vn", Scope.SUBTREE
    )


@pytest.mark.parametrize(
    ("regex", "pattern"),
    [
        (r"(\.|^)ads\.example$", NamePattern("ads.example", Scope.SUBTREE)),
        (r"(^|\.)ads\.example$", NamePattern("ads.example", Scope.SUBTREE)),
        (r"(?:^|\.)a-1\.ads\.example$", NamePattern("a-1.ads.example", Scope.SUBTREE)),
        (r"^ads\.example$", NamePattern("ads.example", Scope.EXACT)),
        (r"^ads.example$", RegexPattern(r"^ads.example$")),
        (r"^ads\.example", RegexPattern(r"^ads\.example")),
        (r"^ads[0-9]+\.", RegexPattern(r"^ads[0-9]+\.")),
        (r"^Track\D", RegexPattern(r"(?i)^Track\D")),
        (r"^track\D", RegexPattern(r"^track\D")),
    ],
)
def test_expressions(regex: str, pattern: object) -> None:
    assert regex_pattern(regex, Options()) == pattern


@pytest.mark.parametrize(
    "regex",
    [
        ".",
        ".*",
        "^",
        "$",
        "[a-z]",
        r"\.com$",
        "com",
        r"(^|\.)com$",
        r"^www\.",
        "",
        "x*",
        r"\.vn$|y",
    ],
)
def test_expressions_that_catch_a_whole_suffix(regex: str) -> None:
    with pytest.raises(Refused) as caught:
        regex_pattern(regex, Options())
    assert caught.value.code == "too-wide"
    assert regex_pattern(regex, WIDE)


@pytest.mark.parametrize(
    "regex", [r"(?=a)b", r"(?!a)b", r"(?<=a)b", r"(a)\1", "(", "[z-a]", "a{9999999}"]
)
def test_expressions_the_core_cannot_run(regex: str) -> None:
    with pytest.raises(Refused) as caught:
        regex_pattern(regex, WIDE)
    assert caught.value.code == "unsupported-regex"
    assert "\n" not in caught.value.words
