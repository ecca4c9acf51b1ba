"""What a client is sent in the place of a page: from a verdict to what the block page speaks of.

How it looks, and what becomes of its forms, is `page/`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from filterd.http.page import facts as page
from filterd.http.page.asked import Asked
from filterd.http.page.cases import Box
from filterd.http.page.desk import Asker, Desk
from filterd.http.page.facts import Answer, Contacts, PageFacts, Reading
from filterd.http.page.signed import Signer
from filterd.http.page.words import Words
from filterd.http.rules import InForce
from filterd.http.words import Reason, Verdict, Why

_ORDER = "order:"  # how `source_of` calls an authority's order
_WHY = {
    Why.NAMELESS: page.Why.MISMATCH,
    Why.PORT: page.Why.MISMATCH,
    Why.DISAGREE: page.Why.MISMATCH,
    Why.BAD_NAME: page.Why.MALFORMED,
    Why.NO_RULES: page.Why.UNREADY,
    Why.BAD_URL: page.Why.MALFORMED,
    Why.MEDIA: page.Why.LIST,
    Why.CERTIFICATE: page.Why.CERTIFICATE,
    Why.UNREACHABLE: page.Why.UNREACHABLE,
    Why.SLOW: page.Why.SLOW,
}
_YOUNGEST = Reading.PRIMARY


def open_desk(
    folder: Path, key: Path, below: Callable[[int], int], words: Path | None = None
) -> Desk:
    """Return the desk of a worker: its cases go into `folder`, its forms are signed with `key`.
    `words`: the folder of the school's own.

    Raises:
        OSError, ValueError: the key cannot be read or used. ConfigError: the words.
    """
    return Desk(Signer(key.read_bytes()), Words.load(words), Contacts(), Box(folder), below)


class Answering:
    """Answers of one worker."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def refuse(
        self, rules: InForce | None, verdict: Verdict, asked: Asked, asker: Asker, now: float
    ) -> Answer:
        """Return the answer to a request that is blocked by `verdict`."""
        facts = page_facts(rules, verdict, asker.client)
        return self._now(rules).refuse(facts, asked, asker, now)

    def may_go_on(self, asker: Asker, cookies: str, now: float) -> bool:
        """Say whether who asks has seen the warning of this host and chose to go on."""
        return self._desk.may_go_on(asker, cookies, now)

    def receive(
        self, rules: InForce | None, asked: Asked, asker: Asker, body: bytes, now: float
    ) -> Answer:
        """Return the answer to what is sent to the filter itself; see `desk.is_ours`."""
        return self._now(rules).receive(asked, asker, body, now)

    def _now(self, rules: InForce | None) -> Desk:
        """Return the desk with what the rules in force say of the school."""
        if rules is None:
            return self._desk
        said = {key: str(value) for key, value in rules.page.items()}
        known = {key: said[key] for key in Contacts.__dataclass_fields__ if key in said}
        return replace(self._desk, contacts=Contacts(**known))


def page_facts(rules: InForce | None, verdict: Verdict, client: str) -> PageFacts:
    """Return what the page says of `verdict`."""
    reason = verdict.reason
    reading, group = _YOUNGEST, ""
    if rules is not None:
        try:
            group, wishes = rules.wishes(client)
            reading = Reading.of_age(wishes.age)
        except (ValueError, KeyError):
            group = ""  # an address that the core cannot read: what the youngest may read
    if reason is None:
        why = _WHY.get(verdict.why, page.Why.RULE)
        # Of a file on a list nobody is told where it was, and help comes first.
        grave = verdict.why is Why.MEDIA
        return PageFacts(why, reading, verdict.host, group, grave=grave, care=grave)
    titles: Mapping[str, Any] = rules.categories if rules is not None else {}
    category = reason.category or ""
    about = titles.get(category, {})
    authority, order = _order(reason)
    return PageFacts(
        why=_why_of(verdict.why, reason),
        reading=reading,
        host=verdict.host,
        group=group,
        category=category,
        category_names=about.get("titles", {}),
        age=reason.min_age,
        list=reason.list or "",
        rule=reason.rule or "",
        authority=authority,
        order=order,
        reference=reason.order or "",
        grave=bool(about.get("grave", False)),
        care=bool(about.get("care", False)),
    )


def _why_of(why: Why, reason: Reason) -> page.Why:
    if why in {Why.LABEL, Why.WARNING}:
        return page.Why.LABEL if why is Why.LABEL else page.Why.WARNING
    return page.why_of(reason.step, mandatory=reason.mandatory)


def _order(reason: Reason) -> tuple[str, str]:
    """Return authority and number of an order; a mandatory list is its own authority."""
    if reason.list is None:
        return "", ""
    if reason.list.startswith(_ORDER):
        authority, _, order = reason.list.removeprefix(_ORDER).partition("/")
        return authority, order
    return (reason.list if reason.mandatory else ""), ""
