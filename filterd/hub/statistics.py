"""What was blocked: for the ministry exact, for the public only what could name no school.

Everything public is a sum over cells of one table, (day, province, category, bracket), from which
cells with fewer than `FEWEST` schools are taken away whole. A total is that of the cells shown, so
nothing that was taken away comes out by subtraction; and days are told once they are settled, so
nothing comes out by looking twice. Of grave categories no bracket is told, to anybody.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Subquery, and_, case, func, literal, select

from filterd.hub.compliance import Look, Page
from filterd.hub.tables import candidates, counts, nodes, orders
from filterd.report.batch import APART, SIGNS, SITES, SITES_LABELLED, Band, Bracket

Json = Any
FEWEST = 10  # schools behind a public cell
SETTLED = 2 * 86_400  # seconds after its end that a day is told to the public
GRAVE = frozenset({"child-abuse"})  # counted, never by bracket
OWN, NONE = "own", "none"  # categories of what a school said itself, and of no rule
UNKNOWN = "unknown"  # of an order that the hub has not
LEAST: Mapping[Band, int] = {Band.FEW: 1, Band.SOME: 5, Band.MANY: 20}  # clients of a band
SCHOOLS, CLIENTS = 20, 50  # that must have seen a candidate before anybody is shown it
DAY = 86_400
# Sites and signs of going round are counted beside decisions, and are in none of their sums.
_DECISIONS = counts.c.rule.not_in(sorted(APART))


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` to `end`, without it; unix seconds of UTC midnights."""

    start: int
    end: int


def cells(look: Look, span: Span, grave: Collection[str] = GRAVE) -> list[dict[str, Json]]:
    """Return exact counts by day, province, category, bracket and deed, with how many nodes of
    schools they are from.
    """
    named = _named()
    category = _category(named)
    bracket = case((category.in_(sorted(grave)), Bracket.ALL.value), else_=counts.c.bracket)
    day = (counts.c.bucket - counts.c.bucket % DAY).label("day")
    each = (
        select(
            day,
            nodes.c.province,
            category.label("category"),
            bracket.label("bracket"),
            counts.c.deed,
            counts.c.count,
            case((nodes.c.kind == "school", nodes.c.id), else_=None).label("school"),
        )
        .select_from(
            counts.join(nodes, nodes.c.id == counts.c.node).outerjoin(
                named, named.c.rule == counts.c.rule
            )
        )
        .where(counts.c.bucket >= span.start, counts.c.bucket < span.end, look.within, _DECISIONS)
        .subquery()
    )
    keys = (each.c.day, each.c.province, each.c.category, each.c.bracket, each.c.deed)
    rows = look.connection.execute(
        select(
            *keys,
            func.sum(each.c.count).label("count"),
            func.count(each.c.school.distinct()).label("schools"),
        )
        .group_by(*keys)
        .order_by(*keys)
    ).mappings()
    return [{**row, "count": int(row["count"])} for row in rows]


def by_rule(look: Look, span: Span, page: Page) -> list[dict[str, Json]]:
    """Return exact counts of each rule and deed, the most first."""
    rows = look.connection.execute(
        select(
            counts.c.rule,
            counts.c.deed,
            func.sum(counts.c.count).label("count"),
            func.count(counts.c.node.distinct()).label("nodes"),
            func.min(counts.c.bucket).label("first"),
            func.max(counts.c.bucket + counts.c.span).label("last"),
        )
        .select_from(counts.join(nodes, nodes.c.id == counts.c.node))
        .where(counts.c.bucket >= span.start, counts.c.bucket < span.end, look.within, _DECISIONS)
        .group_by(counts.c.rule, counts.c.deed)
        .order_by(func.sum(counts.c.count).desc(), counts.c.rule, counts.c.deed)
        .limit(page.limit)
        .offset(page.offset)
    ).mappings()
    return [{**row, "count": int(row["count"])} for row in rows]


def public(look: Look, span: Span, grave: Collection[str] = GRAVE) -> dict[str, Json]:
    """Return what anybody may see: the cells that enough schools are behind, and sums of these."""
    # Whole days only: else two spans that differ by five minutes tell of five minutes.
    settled = (look.now // 1000 - SETTLED) // DAY * DAY
    start = -(-span.start // DAY) * DAY
    told = Span(start, max(start, min(span.end // DAY * DAY, settled)))
    every = cells(look, told, grave)
    shown = [cell for cell in every if cell["schools"] >= FEWEST]
    return {
        "from": told.start,
        "to": told.end,
        "fewest_schools": FEWEST,
        "suppressed_cells": len(every) - len(shown),
        "cells": [{name: cell[name] for name in cell if name != "schools"} for cell in shown],
        "days": _sums(shown, "day"),
        "categories": _sums(shown, "category"),
        "provinces": _sums(shown, "province"),
    }


def sites(look: Look, span: Span) -> list[dict[str, int]]:
    """Return for each day how many nodes told of .vn sites, and how many sites with an age label
    and without one, summed over nodes: a site that two nodes saw is in there twice. For the
    ministry. What a node told twice of a day counts once, by the greater number.
    """
    each = _daily(look, span, SITES)
    labelled = each.c.rule == SITES_LABELLED
    rows = look.connection.execute(
        select(
            each.c.bucket,
            func.count(each.c.node.distinct()),
            func.sum(case((labelled, each.c.count), else_=0)),
            func.sum(case((labelled, 0), else_=each.c.count)),
        )
        .group_by(each.c.bucket)
        .order_by(each.c.bucket)
    )
    names = ("day", "nodes", "labelled", "unlabelled")
    return [dict(zip(names, map(int, row), strict=True)) for row in rows]


def signals(look: Look, span: Span) -> list[dict[str, Json]]:
    """Return for each day, signal and bracket how many nodes told of it, and the attempts summed
    over them. For the ministry: what a sign is, and is not, stands in docs/bypass.md. What a node
    told twice of a day counts once, by the greater number.
    """
    each = _daily(look, span, SIGNS.keys())
    keys = (each.c.bucket, each.c.rule, each.c.bracket)
    rows = look.connection.execute(
        select(*keys, func.count(each.c.node.distinct()), func.sum(each.c.count))
        .group_by(*keys)
        .order_by(*keys)
    )
    return [
        {
            "day": int(day),
            "signal": SIGNS[rule].value,
            "bracket": bracket,
            "nodes": int(number),
            "attempts": int(attempts),
        }
        for day, rule, bracket, number, attempts in rows
    ]


def _daily(look: Look, span: Span, rules: Collection[str]) -> Subquery:
    """Return the rows of whole days with one of `rules`, each once by node, the greatest."""
    keys = (counts.c.bucket, counts.c.node, counts.c.rule, counts.c.bracket)
    return (
        select(*keys, func.max(counts.c.count).label("count"))
        .join(nodes, nodes.c.id == counts.c.node)
        .where(counts.c.bucket >= span.start, counts.c.bucket < span.end, look.within)
        .where(counts.c.rule.in_(sorted(rules)))
        .group_by(*keys)
        .subquery()
    )


def suspects(look: Look, span: Span, page: Page) -> list[dict[str, Json]]:
    """Return unknown domains that enough schools and clients have seen; clients by the lower bound
    of each school's widest band, so there are at least as many.
    """
    least = case(
        *((candidates.c.clients == band.value, low) for band, low in LEAST.items()), else_=0
    )
    each = (
        select(
            candidates.c.domain,
            candidates.c.node,
            func.max(least).label("clients"),
            func.sum(candidates.c.count).label("count"),
            func.min(candidates.c.day).label("first"),
            func.max(candidates.c.day).label("last"),
        )
        .join(nodes, nodes.c.id == candidates.c.node)
        .where(candidates.c.day >= span.start, candidates.c.day < span.end)
        .where(nodes.c.kind == "school", look.within)
        .group_by(candidates.c.domain, candidates.c.node)
        .subquery()
    )
    schools, clients = func.count(each.c.node), func.sum(each.c.clients)
    rows = look.connection.execute(
        select(
            each.c.domain,
            schools.label("schools"),
            clients.label("clients"),
            func.sum(each.c.count).label("count"),
            func.min(each.c.first).label("first"),
            func.max(each.c.last).label("last"),
        )
        .group_by(each.c.domain)
        .having(and_(schools >= SCHOOLS, clients >= CLIENTS))
        .order_by(schools.desc(), each.c.domain)
        .limit(page.limit)
        .offset(page.offset)
    ).mappings()
    return [{**row, "clients": int(row["clients"]), "count": int(row["count"])} for row in rows]


def _named() -> Subquery:
    """Return rules that are orders, with the category of each."""
    name = literal("order:") + orders.c.authority + literal("/") + orders.c.id
    return (
        select(name.label("rule"), func.min(orders.c.category).label("category"))
        .group_by(name)
        .subquery("named")
    )


def _category(named: Subquery) -> ColumnElement[str]:
    prefix = "category:"
    return case(
        (counts.c.rule.startswith(prefix), func.substr(counts.c.rule, len(prefix) + 1)),
        (counts.c.rule.startswith("order:"), func.coalesce(named.c.category, UNKNOWN)),
        (counts.c.rule == OWN, OWN),
        else_=NONE,
    )


def _sums(shown: Collection[Mapping[str, Json]], key: str) -> dict[str, dict[str, int]]:
    """Return sums over shown cells by `key` and deed."""
    found: dict[str, Counter[str]] = {}
    for cell in shown:
        found.setdefault(str(cell[key]), Counter())[cell["deed"]] += cell["count"]
    return {word: dict(sorted(deeds.items())) for word, deeds in sorted(found.items())}
