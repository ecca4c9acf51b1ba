"""Orders end by the clock alone, each at its second, however many there are."""

from dataclasses import replace

import pytest

from filterd.app.ruling import Inputs, build_ruling, reorder
from filterd.config.load import load
from filterd.core import IndexBuilder
from filterd.policy.classes_json import write_meta
from filterd.policy.order_base import OrderBase
from filterd.policy.orders import add_orders
from filterd.policy.plan import MOMENTS
from filterd.policy.rulebook import default_directory, load_rulebook
from tests.support.ministry import NOW, order

CONFIG = """\
upstream: {servers: ['127.0.0.1:1']}
default_group: g
groups: {g: {age: 18, safe_search: false}}
"""
MANY = 3 * MOMENTS
STEP = 60  # seconds between two ends


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    file = tmp_path_factory.mktemp("node") / "filterd.yaml"
    file.write_text(CONFIG)
    book = load_rulebook(default_directory())
    return Inputs(load(file, book=book, formats=set()), book)


def ending(count):
    made = (order(f"a{number}.example", id=f"o{number}") for number in range(count))
    return tuple(
        replace(each, not_before=NOW, not_after=NOW + STEP * (number + 1))
        for number, each in enumerate(made)
    )


def base_of(orders):
    builder = IndexBuilder()
    table = add_orders(builder, orders, NOW)
    return OrderBase(builder.finish(write_meta(table)), table, tuple(NOW for _ in table.classes))


def blocked(ruling, count, now):
    found = range(count)
    return [
        number
        for number in found
        if ruling.snapshot.decide(f"a{number}.example", 1, now, group="g").kind == "block"
    ]


@pytest.mark.parametrize("is_base", [True, False])
def test_each_of_many_orders_ends_at_its_second(inputs, is_base):
    orders = ending(MANY)
    given = {"base": base_of(orders)} if is_base else {"orders": orders}
    ruling, built = build_ruling(replace(inputs, **given), NOW, 1), 1
    for number in range(MANY):
        end = NOW + STEP * (number + 1)
        for now, first in ((end - 1, number), (end, number + 1)):
            if ruling.until is not None and now >= ruling.until:  # looked at each second
                built += 1
                ruling = build_ruling(ruling.inputs, now, built)
            assert blocked(ruling, MANY, now) == list(range(first, MANY))
    assert 1 < built <= 1 + MANY // (MOMENTS // 2), "not for every end"


def test_what_is_ordered_meanwhile_keeps_the_ends_of_the_base(inputs):
    base = base_of(ending(MANY))
    ruling = build_ruling(replace(inputs, base=base), NOW, 1)
    later = replace(order("later.example", id="later"), not_before=NOW, not_after=NOW + 10**6)
    now = NOW + STEP * 5
    ruling = reorder(ruling, (later,), base, now, 2)
    assert ruling.until is not None
    assert ruling.until <= now + STEP * MOMENTS
    assert blocked(ruling, MANY, now) == list(range(5, MANY))


@pytest.mark.parametrize("is_base", [True, False])
def test_a_plan_that_knows_all_ends_is_not_made_anew(inputs, is_base):
    for count, at in ((0, None), (MOMENTS, None), (MOMENTS + 1, MOMENTS // 2)):
        orders = ending(count)
        given = {"base": base_of(orders)} if is_base else {"orders": orders}
        ruling = build_ruling(replace(inputs, **given), NOW, 1)
        assert ruling.until == (None if at is None else orders[at].not_after)


def test_ends_of_the_base_and_of_what_lies_over_it_count_together(inputs):
    orders = ending(MANY)
    given = {"base": base_of(orders[::2]), "orders": orders[1::2]}
    ruling = build_ruling(replace(inputs, **given), NOW, 1)
    assert ruling.until == orders[MOMENTS // 2].not_after
    for number in range(MOMENTS):
        now = NOW + STEP * (number + 1)
        assert blocked(ruling, MANY, now) == list(range(number + 1, MANY))
