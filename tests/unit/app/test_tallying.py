"""What may leave the school: words of closed sets, whatever the school has written anywhere."""

import dataclasses
import json
import types
import typing

from hypothesis import given
from hypothesis import strategies as st

from filterd.app.tallying import Meanings, counted, tallies_of
from filterd.feed.canonical import canonical
from filterd.model.rule import Action
from filterd.policy.classes import Origin, RuleClass
from filterd.report.bands import bit_of
from filterd.report.batch import Band, Batch, Bracket, Candidate, Deed, Lane, Tallied, batch_json
from filterd.report.spool import Spool
from filterd.report.tally import Tally, told

SLOT = 1_770_000_000
CATEGORIES = frozenset({"gambling", "games", "child-abuse"})
GRAVE = frozenset({"child-abuse"})


def meanings(classes=(), ages=types.MappingProxyType({"g": 8})):
    return Meanings(
        class_of=lambda _made, number: classes[number] if number < len(classes) else None,
        ages=ages,
        categories=CATEGORIES,
        grave=GRAVE,
    )


def row(class_id, kind="block", group="g", pattern="bad.example", count=1, clients=1):
    return (SLOT, kind, 7, class_id, group, pattern, count, 1, clients)


def words(rule, kind="block", group="g"):
    (one,) = tallies_of([row(0, kind, group)], meanings([rule]))
    return one.rule, one.bracket.value, one.deed.value


def test_an_order_is_told_by_its_name():
    order = RuleClass(Origin.ORDER, list="ministry/2026-17", category="gambling")
    assert words(order) == ("order:ministry/2026-17", "6-10", "block")


def test_a_list_is_told_by_its_category_of_the_rule_book_or_not_at_all():
    assert words(RuleClass(Origin.LIST, list="x", category="games"))[0] == "category:games"
    assert words(RuleClass(Origin.LIST, list="x", category="our own"))[0] == "own"
    assert words(RuleClass(Origin.LIST, list="order:ministry/1"))[0] == "own"
    assert words(RuleClass(Origin.SERVICE, service="s", category="games"))[0] == "category:games"
    assert words(RuleClass(Origin.LOCAL_BLOCK))[0] == "own"
    assert words(RuleClass(Origin.OVERRIDE, Action.ALLOW, note="by Lan"), "allow")[0] == "own"


def test_what_is_filterds_own_is_no_rule_of_the_school():
    assert words(RuleClass(Origin.SAFE_SEARCH, Action.REWRITE), "rewrite")[0] == ""
    assert words(RuleClass(Origin.MUST_NOT_BLOCK), "allow") == ("", "6-10", "pass")


def test_a_block_without_a_rule_is_the_schools():
    (one,) = tallies_of([row(-1)], meanings())
    assert one.rule == "own"


def test_what_passes_is_told_without_a_rule():
    (one,) = tallies_of([row(-1, "pass", count=9)], meanings())
    assert (one.rule, one.deed, one.count) == ("", Deed.PASS, 9)


def test_what_is_grave_is_not_told_by_age():
    assert words(RuleClass(Origin.LIST, list="x", category="child-abuse"))[1] == "all"
    assert words(RuleClass(Origin.ORDER, list="m/1", category="child-abuse"))[1] == "all"
    assert words(RuleClass(Origin.LIST, list="x", category="games"), group="gone")[1] == "all"


def test_canaries_are_the_nodes_own_questions():
    canary = RuleClass(Origin.ORDER, list="canary/5", category="canary")
    assert tallies_of([row(0)], meanings([canary])) == []


def test_single_queries_are_counted_by_the_same_words():
    events = [
        (SLOT + at, client, "bad.example", 1, "block", 7, 0, "g", "bad.example", 0, 0, 1)
        for at, client in enumerate(["192.0.2.1", "192.0.2.2", "192.0.2.1"])
    ]
    rows = counted(events, lambda client, slot: bit_of(client, slot, b"key"))
    (one,) = tallies_of(rows, meanings([RuleClass(Origin.LIST, list="x", category="games")]))
    assert one.count == 3
    assert one.clients == bit_of("192.0.2.1", SLOT, b"key") | bit_of("192.0.2.2", SLOT, b"key")


# What must never leave. Each looks like what it is and like nothing of a batch's own words.
addresses = st.ip_addresses().map(str)
macs = st.binary(min_size=6, max_size=6).map(lambda raw: raw.hex(":"))
names = st.text("đêôơưạảãQXZ", min_size=3, max_size=20)
domains = st.text("xqz", min_size=3, max_size=10).map(lambda label: f"{label}.test")
secrets = st.one_of(addresses, macs, names, domains)


@st.composite
def worlds(draw):
    """Rows of the core and what they mean, with secrets wherever a school can write something."""
    secret = [draw(secrets) for _ in range(6)]
    pick = st.sampled_from(secret)
    classes = draw(
        st.lists(
            st.builds(
                RuleClass,
                origin=st.sampled_from([each for each in Origin if each is not Origin.ORDER]),
                list=pick,
                category=st.one_of(st.none(), pick, st.sampled_from(sorted(CATEGORIES))),
                service=st.one_of(st.none(), pick),
                kind=pick,
                groups=st.one_of(st.none(), st.frozensets(pick, max_size=2)),
                note=pick,
            ),
            min_size=1,
            max_size=4,
        )
    )
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(0, 10).map(lambda at: SLOT + at * 300),
                st.sampled_from(["pass", "allow", "block", "rewrite"]),
                st.integers(1, 9),
                st.integers(-1, len(classes)),
                pick,
                pick,
                st.integers(1, 10**6),
                st.just(1),
                st.integers(0, 2**64 - 1),
            ),
            max_size=10,
        )
    )
    events = draw(
        st.lists(
            st.tuples(
                st.floats(SLOT, SLOT + 3000), addresses, pick, st.just(1),
                st.sampled_from(["pass", "allow", "block", "rewrite"]), st.integers(1, 9),
                st.integers(-1, len(classes)), pick, pick, st.just(0), st.just(0), st.just(1),
            ),
            max_size=5,
        )
    )  # fmt: skip
    ages = draw(st.dictionaries(pick, st.integers(0, 18)))
    return secret + [event[1] for event in events], classes, rows, events, ages


@given(worlds())
def test_nothing_that_a_school_or_a_client_says_gets_into_a_batch(world):
    secret, classes, rows, events, ages = world
    seen = meanings(classes, ages)
    single = counted(events, lambda client, slot: bit_of(client, slot, b"key"))
    tallies = [*tallies_of(rows, seen), *tallies_of(single, seen)]
    batch = Batch("0" * 64, SLOT, 0, bytes(32), SLOT, Lane.COUNTS, tuple(map(told, tallies)))
    sent = canonical(batch_json(batch)).decode()
    for each in secret:
        assert each not in sent
    for each in batch.rows:
        assert each.rule in {"", "own", *(f"category:{name}" for name in CATEGORIES)}
    bitmaps = [one.clients for one in tallies if isinstance(one.clients, int)]
    assert all(str(bitmap) not in sent for bitmap in bitmaps if bitmap > 10**7 + SLOT + 3000)


def test_the_fields_of_a_batch_are_these_and_no_other():
    """A new field is a decision about children's data: make it here, in docs/privacy.md, and ask
    whether it could hold a client, a name that was asked for, or a finer time.
    """
    allowed = {
        Batch: {
            "node": str,
            "epoch": int,
            "sequence": int,
            "before": bytes,
            "made_at": int,
            "lane": Lane,
            "rows": tuple[Tallied, ...],
            "candidates": tuple[Candidate, ...],
            "dropped": int,
        },
        Tallied: {
            "bucket": int,
            "span": int,
            "rule": str,
            "bracket": Bracket,
            "deed": Deed,
            "count": int,
            "clients": Band,
        },
        Candidate: {"day": int, "domain": str, "count": int, "clients": Band},
    }
    for kind, fields in allowed.items():
        assert typing.get_type_hints(kind) == fields
        assert {each.name for each in dataclasses.fields(kind)} == set(fields)


def test_what_is_spooled_has_the_fields_of_what_is_sent(tmp_path):
    spool = Spool(tmp_path, 2**20, lambda: "token", SLOT)
    one = Tally(SLOT, 300, "own", Bracket.PRIMARY, Deed.BLOCK, 3, 0b11)
    spool.add([one])
    (file,) = (tmp_path / "rows").iterdir()
    kept = json.loads(file.read_bytes()[8:])
    assert set(kept) == {"id", "rows"}
    assert kept["rows"] == [[SLOT, 300, "own", "6-10", "block", 3, "1-4"]]
