"""Real lists: each is recognised, loads without an exception, and says why it refuses a line."""

import pytest

from filterd.formats.base import Options
from filterd.formats.detect import detect
from filterd.formats.registry import by_name
from filterd.formats.scan import Report, check, scan
from filterd.model.rule import Action, NamePattern, Rule, Scope
from tests.support.data import real_list

pytestmark = pytest.mark.real


def rules(name: str, format_name: str, options: Options | None = None) -> list[Rule]:
    found = []
    for _, _, items in scan(real_list(name), by_name(format_name), options or Options()):
        for item in items:
            assert isinstance(item, Rule), item
            found.append(item)
    return found


def names(found: list[Rule], scope: Scope) -> set[str]:
    return {
        rule.pattern.name
        for rule in found
        if isinstance(rule.pattern, NamePattern) and rule.pattern.scope is scope
    }


def test_one_list_in_five_syntaxes_has_the_same_names() -> None:
    expected = names(rules("hagezi/light/onlydomains", "onlydomains"), Scope.SUBTREE)
    assert len(expected) == 61_746
    for format_name in ("adblock", "dnsmasq", "wildcard"):
        assert names(rules(f"hagezi/light/{format_name}", format_name), Scope.SUBTREE) == expected
    zone = rules("hagezi/light/rpz", "rpz")
    assert {rule.action for rule in zone} == {Action.NXDOMAIN}
    assert names(zone, Scope.EXACT) == names(zone, Scope.BELOW) == expected


def test_exact_lists_lie_within_the_subtrees_of_the_short_ones() -> None:
    subtrees = names(rules("hagezi/native.tiktok/onlydomains", "onlydomains"), Scope.SUBTREE)
    exact = names(rules("hagezi/native.tiktok/domains", "domains"), Scope.EXACT)
    assert exact == names(rules("hagezi/native.tiktok/hosts", "hosts"), Scope.EXACT)
    assert exact == names(rules("hagezi/native.tiktok/hosts-compressed", "hosts"), Scope.EXACT)
    for name in exact:
        labels = name.split(".")
        assert any(".".join(labels[at:]) in subtrees for at in range(len(labels)))


@pytest.mark.parametrize(
    ("name", "format_name", "codes"),
    [
        ("abp/adguardhome-dns-sample", "adblock", {"url-rule", "too-wide", "cosmetic-rule"}),
        ("abp/abpvn", "adblock", {"cosmetic-rule", "unsupported-modifier", "url-rule"}),
        (
            "abp/easyprivacy",
            "adblock",
            {"cosmetic-rule", "unsupported-modifier", "url-rule", "too-long"},
        ),
        ("abp/ubo-unbreak", "adblock", {"cosmetic-rule", "unsupported-modifier", "url-rule"}),
        ("hagezi/misc/adguard__dns-rebind-protection", "adblock", set()),
        ("hagezi/misc/adguard__regex-wildcard-rules", "adblock", {"unsupported-regex"}),
        ("hagezi/misc/adblock__whitelist-referral", "adblock", set()),
        ("hagezi/misc/adblock__spam-tlds", "adblock", {"too-wide"}),
        ("hagezi/misc/rpz__spam-tlds-rpz", "rpz", {"too-wide"}),
        ("hagezi/misc/ips__doh", "addresses", set()),
        ("hostsVN/option__dnsmasq-hostsVN", "dnsmasq", set()),
        ("hostsVN/option__dnscrypt-hostsVN", "wildcard", {"unsupported-pattern"}),
        ("hostsVN/hosts", "hosts", set()),
        ("stevenblack/social-only-hosts", "hosts", set()),
        ("stevenblack/src-someonewhocares-hosts", "hosts", {"local-name", "bad-name"}),
        ("blocklistproject/drugs-ags", "adblock", set()),
        ("blocklistproject/drugs-dnsmasq", "dnsmasq", set()),
        ("doh/doh-ipv4", "addresses", set()),
        ("safesearch/google", "adblock", set()),
        ("safesearch/yandex", "adblock", set()),
    ],
)
def test_a_list_is_recognised_and_its_refusals_are_of_the_expected_kinds(
    name: str, format_name: str, codes: set[str]
) -> None:
    data = real_list(name)
    found, scores = detect(data)
    assert found is not None, scores
    assert found.name == format_name
    report = check(data, found, Options())
    assert report.accepted
    assert set(report.codes) == codes, sample(report, codes)


def test_a_trusted_list_may_name_whole_suffixes() -> None:
    data = real_list("hagezi/misc/adblock__spam-tlds")
    assert not check(data, by_name("adblock"), Options(wide=True)).refused


def sample(report: Report, known: set[str]) -> list[object]:
    return [item for item in report.refused if item.code not in known][:5]
