"""RFC 4343: case does not matter, and is preserved."""

from tests.support.dnsclient import data_of


def test_3_1_a_name_matches_in_any_case(desk):
    config = "groups: {g: {age: 18}}\ndefault_group: g\nblock: [Bad.Example.com]\n"
    one = desk(config, ["www.example.com A 192.0.2.1"])
    for name in ("bad.example.com", "BAD.EXAMPLE.COM", "bAd.eXample.Com"):
        assert data_of(one.ask(name)) == ["0.0.0.0"]
    assert data_of(one.ask("WWW.example.com")) == ["192.0.2.1"]
    assert data_of(one.ask("www.EXAMPLE.com")) == ["192.0.2.1"]
    assert len(one.upstream.asked) == 1, "one entry of the cache for all spellings"


def test_4_1_the_spelling_of_the_question_comes_back(desk):
    one = desk(upstream=["www.example.com A 192.0.2.1"])
    for spelling in ("wWw.eXaMpLe.CoM", "WWW.EXAMPLE.COM"):
        reply = one.ask(spelling)
        assert reply.question[0].name.to_text() == f"{spelling}."
        assert reply.answer[0].name.to_text() == f"{spelling}."
