"""The same for programs: application/problem+json (RFC 9457)."""

import json

from filterd.http.page.facts import Contacts, PageFacts
from filterd.http.page.filling import names, plain
from filterd.http.page.heads import HOME
from filterd.http.page.markup import clean
from filterd.http.page.words import Language


def full(facts: PageFacts, language: Language, contacts: Contacts) -> bytes:
    """Return what a program of the reader may know: who blocked, by what, whom to ask."""
    known = names(facts, language)
    text = language.page(facts)
    more = {
        "host": known["host"],
        "blocked_by": language.who(facts),
        "authority": known["authority"],
        "order": facts.order,
        "reference": known["reference"],
        "legal_basis": known["basis"],
        "category": facts.category,
        "list": known["list"],
        "rule": known["rule"],
        "school": contacts.school,
        "appeal": contacts.appeal,
        "hotline": contacts.hotline,
    }
    kept: dict[str, object] = {
        **_core(facts, language),
        "detail": plain(text.says, known),
        **{key: clean(value) for key, value in more.items() if clean(value)},
    }
    if facts.age is not None:
        kept["min_age"] = facts.age
    return _bytes(kept)


def bare(facts: PageFacts, language: Language) -> bytes:
    """Return what a script of any site may know: that it is blocked, not where or by whom."""
    return _bytes(_core(facts, language))


def _core(facts: PageFacts, language: Language) -> dict[str, object]:
    return {
        "type": f"http://{HOME}/problem/{facts.why}",
        "title": language.page(facts).title,
        "status": facts.why.status,
    }


def _bytes(content: dict[str, object]) -> bytes:
    text = json.dumps(content, ensure_ascii=False, indent=1)
    # Whoever takes it for HTML all the same finds no tag in it.
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text.encode() + b"\n"
