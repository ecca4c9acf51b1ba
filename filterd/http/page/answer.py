"""Facts and how it was asked for -> the answer: a page, a line, a problem, or a tiny body."""

from dataclasses import replace

from filterd.http.page import heads, problem, render
from filterd.http.page.asked import Asked, Shape
from filterd.http.page.facts import Answer, Contacts, PageFacts, Told, Why
from filterd.http.page.language import preferred
from filterd.http.page.pieces import Offer
from filterd.http.page.tiny import TINY
from filterd.http.page.words import Language, Words

_NOTHING = Offer()


def answer(
    facts: PageFacts, asked: Asked, words: Words, contacts: Contacts, offer: Offer = _NOTHING
) -> Answer:
    """Return the answer to a request that is not let through."""
    first, second = _languages(asked, words)
    shape = asked.shape
    if shape is Shape.PAGE:
        body = render.block(facts, (first, second), contacts, offer)
        headers = heads.page(f"{first.code}, {second.code}")
    elif shape is Shape.FRAME:
        body, headers = render.line(facts, first), heads.frame(first.code)
    elif shape is Shape.PROBLEM:
        body, headers = problem.full(facts, first, contacts), heads.problem(first.code)
    elif shape is Shape.BARE:
        body, headers = problem.bare(facts, first), heads.problem(first.code)
    else:
        content_type, body = TINY[shape]
        headers = heads.small(content_type)
    if facts.why is Why.ORDER:
        headers += heads.blocked_by(contacts.operator)
    status = facts.why.status
    return _for(asked, Answer(status, heads.phrase(status), headers, body))


def told(given: Told, asked: Asked, words: Words, contacts: Contacts) -> Answer:
    """Return the page that says what came of a form."""
    first, second = _languages(asked, words)
    body = render.told(given, (first, second), contacts)
    headers = heads.page(f"{first.code}, {second.code}")
    phrase = heads.phrase(given.status)
    return _for(asked, Answer(given.status, phrase, headers, body))


def _languages(asked: Asked, words: Words) -> tuple[Language, Language]:
    first, second = preferred(asked.language, words.languages)
    return words.languages[first], words.languages[second]


def _for(asked: Asked, given: Answer) -> Answer:
    return replace(given, body=b"") if asked.method == "HEAD" else given
