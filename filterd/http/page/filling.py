"""Sentences with places for names, filled; one that names what is not known is left out."""

from collections.abc import Iterable, Mapping

from filterd.http.page.facts import PageFacts
from filterd.http.page.markup import Markup, clean, element, escape, join
from filterd.http.page.words import PLACE, Language


def names(facts: PageFacts, language: Language) -> dict[str, str]:
    """Return what the places of a sentence stand for, "" for what is not known."""
    age = "" if facts.age is None else str(facts.age)
    younger = language.ui["younger"].replace("{age}", age)
    return {
        "host": facts.shown_host,
        "category": facts.category_names.get(language.code) or facts.category,
        "age": age,
        "list": facts.list,
        "rule": "" if facts.grave else facts.rule,
        "authority": facts.authority,
        "reference": facts.reference,
        "basis": facts.legal_basis,
        "whom": younger if age else language.ui["everyone"],
    }


def fill(sentence: str, known: Mapping[str, str]) -> Markup | None:
    """Return a sentence with what its places stand for; None: something is not known.

    What is filled in stands in `<bdi>`, so that a name cannot turn the sentence around it.
    """
    parts: list[str] = []
    for index, part in enumerate(PLACE.split(sentence)):
        if index % 2 == 0:
            parts.append(Markup(escape_text(part)))
            continue
        value = known.get(part, "")
        if not isinstance(value, Markup):
            value = clean(value)
        if not value:
            return None
        parts.append(value if isinstance(value, Markup) else element("bdi", value))
    return join(*parts)


def escape_text(text: str) -> str:
    """Return a piece of a sentence as HTML; its spaces at the ends stay."""
    lead = " " if text[:1].isspace() else ""
    tail = " " if text[-1:].isspace() and text.strip() else ""
    return f"{lead}{escape(text)}{tail}"


def sentences(says: Iterable[str], known: Mapping[str, str]) -> list[Markup]:
    """Return the sentences whose every name is known."""
    return [each for each in (fill(text, known) for text in says) if each is not None]


def plain(says: Iterable[str], known: Mapping[str, str]) -> str:
    """Return the same as text for a program, on one line."""
    kept: list[str] = []
    for text in says:
        places = {name: clean(known.get(name, "")) for name in PLACE.findall(text)}
        if all(places.values()):
            parts = PLACE.split(text)
            kept.append("".join(places[part] if at % 2 else part for at, part in enumerate(parts)))
    return " ".join(kept)
