"""Orders of authorities as rules: one class for each order, and its patterns.

What comes here is warranted already (`feed/judge.py`); this says only what it means. A URL covers
its path and what is beneath it, on that host alone; the same index holds it, and DNS lets it pass.
An order to warn is in it too, as a class that no verdict comes of: a warning needs a page, so the
HTTP filter looks for it (`filterd/http/rules.py`) and DNS lets it pass.
"""

import logging
from collections.abc import Iterable

from filterd.model.order import Effect, Match, Order, Pattern
from filterd.model.rule import Action, Scope
from filterd.policy.builder import Builder
from filterd.policy.classes import ClassTable, Origin, RuleClass

_SCOPES = {Match.NAME: Scope.EXACT, Match.SUBTREE: Scope.SUBTREE}
logger = logging.getLogger(__name__)


def add_orders(builder: Builder, orders: Iterable[Order], now: float) -> ClassTable:
    """Add names and URLs of orders in force at `now` (unix seconds); return their classes."""
    table = ClassTable()
    for order in orders:
        if not order.not_before <= now < order.not_after:
            continue
        rule = class_of(order)
        class_id = table.intern(rule)
        for pattern in order.patterns:
            scope = _SCOPES.get(pattern.match)
            if scope is not None:
                builder.add_name(pattern.text, scope, class_id)
            else:
                _add_url(builder, pattern, class_id, rule)
    return table


def _add_url(builder: Builder, pattern: Pattern, class_id: int, rule: RuleClass) -> None:
    host = pattern.host
    try:
        builder.add_url(host, pattern.text[len(host) :], False, class_id)
    except ValueError as error:
        # Nobody can ask for it either; the order's other patterns count all the same.
        logger.warning("order %s: a URL that cannot be matched: %s", rule.list, error)


def next_start(orders: Iterable[Order], now: float) -> int | None:
    """Return when the next order begins that has not yet, in unix seconds; None: there is none."""
    return min((order.not_before for order in orders if order.not_before > now), default=None)


def class_of(order: Order) -> RuleClass:
    """Return what an order means for names and URLs."""
    return RuleClass(
        Origin.WARNING if order.effect is Effect.WARN else Origin.ORDER,
        Action.ALLOW if order.effect is Effect.ALLOW else Action.BLOCK,
        list=f"{order.authority}/{order.id}",
        category=order.category,
        min_age=order.min_age,
        mandatory=order.effect is Effect.BLOCK and order.min_age is None,
        expires=order.not_after,
        note=order.reference,
    )
