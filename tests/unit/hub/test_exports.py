import csv
import io
import json
import re

import pytest
import stix2
import zstandard

from filterd.feed.acts import read_signed, signed_json
from filterd.feed.canonical import canonical
from filterd.feed.refusal import Refused
from filterd.feed.warrant import check_act
from filterd.hub.exports import EXPORTS, orders_csv, orders_json
from filterd.hub.statistics import Span
from filterd.model.order import Effect, Match, Pattern
from tests.support.hub_world import NOW, World
from tests.support.ministry import ANYTHING, Ministry, order
from tests.support.ministry import NOW as SIGNED

SPAN = Span(0, NOW)


@pytest.fixture(scope="module")
def ministry():
    return Ministry.new()


def world_of(ministry, *made):
    world = World()
    for at, act in enumerate(made):
        signed = ministry.sign(act)
        body = zstandard.ZstdCompressor().compress(canonical(signed_json(signed)))
        world.segment(at, NOW - 60_000)
        world.order(
            act.id,
            at,
            body=body,
            reference=act.reference,
            category=act.category,
            effect=act.effect.value,
            patterns=len(act.patterns),
            not_before=act.not_before,
            not_after=act.not_after,
            signed_at=SIGNED * 1000,
        )
        node = world.node(at, size=at + 1)
        world.receipt(node, at + 1, NOW - 59_000)
        world.batch(node, 0)
        world.counted(node, 0, f"order:ministry/{act.id}", 7)
        world.counted(node, 1, f"order:ministry/{act.id}", 2, deed="allow")
    return world


def table(data):
    return list(csv.DictReader(io.StringIO(data.decode())))


def test_a_table_has_an_order_a_line_with_what_it_did(books, ministry):
    look = books(world_of(ministry, order(id="a"), order(id="b")))
    second, first = table(orders_csv(look, SPAN))
    assert (first["id"], second["id"]) == ("a", "b")
    assert (first["block"], first["allow"], first["pass"]) == ("7", "2", "0")
    assert (first["expected"], first["enforcing"], first["p95_ms"]) == ("2", "2", "1000")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("x")', "=1,2"])
def test_no_spreadsheet_runs_a_cell(books, ministry, text):
    look = books(world_of(ministry, order(id=text, reference=text)))
    (row,) = table(orders_csv(look, SPAN))
    assert row["id"] == row["reference"] == f"'{text}"


def test_numbers_below_zero_stay_numbers(books, ministry):
    world = world_of(ministry, order())
    world.rows["ordering"][0]["signed_at"] = -5
    (row,) = table(orders_csv(books(world), SPAN))
    assert row["signed_at"] == "-5"


def test_json_carries_the_signatures_and_they_hold(books, ministry):
    look = books(world_of(ministry, order()))
    told = json.loads(orders_json(look, SPAN))
    signed = read_signed(told["orders"][0]["act"])
    check_act(signed, ministry.registry, ANYTHING, SIGNED)
    assert told["log_size"] == 1
    forged = told["orders"][0]["act"] | {"signatures": []}
    with pytest.raises(Refused):
        check_act(read_signed(forged), ministry.registry, ANYTHING, SIGNED)


def test_every_export_is_the_same_when_it_is_made_again(books, ministry):
    look = books(world_of(ministry, order(id="a"), order(id="b")))
    for _, export in EXPORTS.values():
        assert export(look, SPAN) == export(look, SPAN)


def test_a_province_is_told_of_its_own_counts(books, ministry):
    world = world_of(ministry, order(id="a"), order(id="b"))
    look = books(world, province=world.rows["node"][0]["province"])
    counted = {row["id"]: row["block"] for row in table(orders_csv(look, SPAN))}
    assert counted == {"a": "7", "b": "0"}


MIXED = (
    Pattern(Match.NAME, "one.example"),
    Pattern(Match.SUBTREE, "all.example"),
    Pattern(Match.URL, "host.example/it's/(1)?q=a+b"),
)


def bundle(look):
    """Give a bundle as the library reads it, strictly."""
    data = EXPORTS["orders.stix"][1](look, SPAN)
    return stix2.parse(data.decode(), version="2.1")


def test_stix_is_what_the_library_accepts_and_means(books, ministry):
    look = books(world_of(ministry, order(id="a", patterns=MIXED), order(id="b")))
    found = bundle(look)
    kinds = [each.type for each in found.objects]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "identity": 1, "indicator": 4, "grouping": 1, "sighting": 2
    }  # fmt: skip
    patterns = {each.name: each.pattern for each in found.objects if each.type == "indicator"}
    assert patterns["one.example"] == "[domain-name:value = 'one.example']"
    assert "LIKE '%.all.example'" in patterns["all.example"]
    assert "MATCHES" in patterns["host.example/it's/(1)?q=a+b"]
    group = next(each for each in found.objects if each.type == "grouping")
    sightings = {each.sighting_of_ref: each for each in found.objects if each.type == "sighting"}
    assert sightings[group.id].count == 7
    assert len(group.object_refs) == 3


def test_a_url_pattern_matches_that_address_only(books, ministry):
    found = bundle(books(world_of(ministry, order(patterns=MIXED[2:]))))
    text = next(each.pattern for each in found.objects if each.type == "indicator")
    said = text.removeprefix("[url:value MATCHES '").removesuffix("']")
    regex = re.sub(r"\\([\\'])", r"\1", said)
    assert re.match(regex, "https://host.example/it's/(1)?q=a+b&more")
    assert not re.match(regex, "https://hostxexample/it's/(1)?q=a+b")


def test_a_revoked_order_is_a_revoked_indicator_and_an_allowed_name_is_benign(books, ministry):
    allowed = order(id="b", effect=Effect.ALLOW)
    world = world_of(ministry, order(id="a"), allowed)
    world.segment(9, NOW - 30_000)
    world.rows["ordering"][0].update(revoked_segment=9, revoked_at=NOW - 30_000)
    found = [each for each in bundle(books(world)).objects if each.type == "indicator"]
    told = {each.labels[1]: (each.revoked, each.get("indicator_types")) for each in found}
    assert told == {"block": (True, None), "allow": (False, ["benign"])}


def test_a_hub_without_orders_gives_an_empty_bundle(books):
    assert not bundle(books(World())).get("objects")
