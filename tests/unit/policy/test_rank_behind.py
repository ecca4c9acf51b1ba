"""The rank of a rule that decided, told from the decision alone, is the one that the core took."""

from filterd.config.groups import EVERYTHING
from filterd.model.group import ListSpec
from filterd.model.rule import Action
from filterd.policy.precedence import DEFAULT_BLOCK, rank_behind
from tests.support.handed import NOW, ruling
from tests.support.requests import loaded

ADBLOCK = """\
||blocked.test^
||hard.test^$important
@@||lifted.test^
||lifted.test^
@@||soft.test^$important
||soft.test^$important
||own.test^$dnsrewrite=192.0.2.1
||kept.test^$dnsrewrite=192.0.2.1
@@||kept.test^$dnsrewrite
"""
LISTS = {
    "rules": ({"format": "adblock"}, ADBLOCK),
    "hosts": ({"format": "hosts"}, "192.0.2.9 sent.test\n0.0.0.0 gone.test\n"),
    "zone": ({"format": "rpz"}, "$ORIGIN z.\n@ SOA a b 1 1 1 1 1\nrpz.test CNAME .\n"),
    "games": ({"format": "adblock", "min_age": 12}, ADBLOCK.replace(".test", ".games")),
    "sent": ({"format": "hosts", "min_age": 12}, "192.0.2.9 sent.games\n"),
    "order": ({"format": "domains", "mandatory": True}, "ordered.test\n"),
    "timed": ({"format": "adblock"}, "||timed.test^\n||own.timed.test^$dnsrewrite=192.0.2.1\n"),
    "good": ({"format": "domains", "action": "allow"}, "fine.test\n"),
}
CONFIG = {
    "default_group": "pupils",
    "schedules": {"always": {"windows": [{"from": "00:00", "to": "24:00"}]}},
    "groups": {
        "pupils": {"age": 10, "schedules": [{"during": "always", "block": ["list:timed"]}]},
        "older": {"age": 16, "allow_only": True},
        "shut": {"age": 10, "schedules": [{"during": "always", "block": [EVERYTHING]}]},
    },
    "allow": ["allowed.test"],
    "block": ["local.test"],
    "lists": {name: fields | {"path": "x"} for name, (fields, _) in LISTS.items()},
}
WORDS = "blocked hard lifted soft own kept sent gone rpz ordered timed fine allowed local"
NAMES = (
    *(f"{word}.{zone}" for zone in ("test", "games") for word in WORDS.split()),
    "own.timed.test",
    "silent.test",
    "gov.vn",
    "www.google.com",
    "use-application-dns.net",
)


def specs():
    for name, (fields, text) in LISTS.items():
        allow = fields.get("action") == "allow"
        rest = {key: value for key, value in fields.items() if key != "action"}
        yield ListSpec(name, allow=allow, **rest), text


def test_for_each_kind_of_rule(tmp_path):
    config = CONFIG | {"lists": CONFIG["lists"] | {"abp": {"format": "abp-url", "path": "x"}}}
    lists = loaded(tmp_path, (ListSpec("abp", "abp-url"), ""), names=tuple(specs()))
    made = ruling(config, lists=lists)
    seen = set()
    for group in CONFIG["groups"]:
        for name in NAMES:
            decision = made.snapshot.decide(name, 1, NOW, group=group)
            if decision.class_id < 0:
                continue
            rule = made.classes[decision.class_id]
            rows = made.snapshot.matches(name, 1, NOW, group=group)
            took = next(row[0] for row in rows if row[1] == decision.class_id)
            assert rank_behind(decision.step, rule) == took, (group, name)
            seen.add((decision.step, rule.action))
    steps = {step for step, _ in seen}
    assert steps == {1, 2, 4, 5, 6, 7, 8, 9}
    assert {Action.BLOCK, Action.ALLOW, Action.REWRITE} <= {action for _, action in seen}


def test_without_a_rule_it_is_that_of_the_step():
    assert rank_behind(4, None) == 4 * 256
    assert rank_behind(9, None) == DEFAULT_BLOCK
