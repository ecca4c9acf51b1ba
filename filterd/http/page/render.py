"""A page as HTML: the reader's language first, the other one folded below it.

No script, no picture or font from elsewhere, under 15 KB; in the order in which it is read aloud:
the school, who blocked, what, why, what to do, whom to call.
"""

from collections.abc import Sequence

from filterd.http.page.facts import Contacts, Kind, PageFacts, Reading, Told
from filterd.http.page.filling import names, sentences
from filterd.http.page.markup import Markup, clean, element
from filterd.http.page.pictures import picture
from filterd.http.page.pieces import Offer, address, appeal, details, go_on, help_box
from filterd.http.page.style import SHEET
from filterd.http.page.words import Language, Text


def block(
    facts: PageFacts, languages: Sequence[Language], contacts: Contacts, offer: Offer
) -> bytes:
    """Return the page of a block."""

    def card(language: Language) -> Markup:
        text = language.page(facts)
        help_ = help_box(facts, language, contacts)
        about = details(facts, language, offer.reference)
        ask = appeal(facts, language, offer)
        # The youngest act first; who can read it all is told all before being asked anything.
        young = facts.reading is Reading.PRIMARY
        parts = [
            go_on(facts, language, offer),
            *((ask, help_, about) if young else (about, ask, help_)),
        ]
        if facts.care:  # a child that may be in need sees whom to call before anything else
            parts = [help_, *(each for each in parts if each is not help_)]
        return _card(
            _top(
                picture(facts.why.kind, facts.reading),
                element("p", language.who(facts), class_="by"),
                text,
                sentences(text.says, names(facts, language)),
            ),
            *parts,
        )

    first = languages[0]
    return _document(
        languages,
        title=f"{first.page(facts).title} – {first.who(facts)}",
        looks=f"{facts.why.kind} {facts.reading}",
        cards=[card(each) for each in languages],
        school=contacts.school,
    )


def told(given: Told, languages: Sequence[Language], contacts: Contacts) -> bytes:
    """Return the page that says what came of a form."""
    kind = Kind.SCHOOL if given.status == 200 else Kind.ERROR
    code = element("p", given.reference, class_="ref") if given.reference else Markup()
    known = {"appeal": address(contacts.appeal)}

    def card(language: Language) -> Markup:
        text = language.desk[given.outcome]
        who = element("p", language.ui["code"], class_="by") if given.reference else Markup()
        drawn = picture(kind, given.reading)
        return _card(_top(drawn, who, text, sentences(text.says, known), code))

    return _document(
        languages,
        title=languages[0].desk[given.outcome].title,
        looks=f"{kind} {given.reading}",
        cards=[card(each) for each in languages],
        school=contacts.school,
    )


def line(facts: PageFacts, language: Language) -> bytes:
    """Return the page for a frame within another page: one line, nothing to press."""
    title = language.page(facts).title
    head = element("head", element("meta", charset="utf-8"), element("title", title))
    return _bytes(element("html", head, element("body", element("p", title)), lang=language.code))


def _top(drawn: Markup, who: Markup, text: Text, says: Sequence[Markup], *more: Markup) -> Markup:
    said = (element("p", each) for each in says)
    body = element("div", who, element("h1", text.title), *more, *said)
    return element("div", drawn, body, class_="top")


def _card(*parts: Markup) -> Markup:
    return element("div", *parts, class_="card")


def _document(
    languages: Sequence[Language], *, title: str, looks: str, cards: Sequence[Markup], school: str
) -> bytes:
    first, *others = languages
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width,initial-scale=1"),
        element("meta", name="robots", content="noindex,nofollow"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Markup(SHEET)),
    )
    name = clean(school)
    below = [
        element(
            "details",
            element("summary", language.name),
            # One heading of the first rank a page: those below it are of the second.
            Markup(card.replace("<h1>", "<h2>").replace("</h1>", "</h2>")),
            lang=language.code,
            class_="other",
        )
        for language, card in zip(others, cards[1:], strict=True)
    ]
    body = element(
        "body",
        element("header", element("bdi", name)) if name else Markup(),
        element("main", cards[0]),
        *below,
        element("footer", first.ui["footer"]),
        class_=looks,
    )
    return _bytes(element("html", head, body, lang=first.code))


def _bytes(page: Markup) -> bytes:
    return f"<!doctype html>\n{page}\n".encode()
