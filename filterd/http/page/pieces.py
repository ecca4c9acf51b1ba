"""The pieces of a page below its sentences: the details, the forms, and where to get help."""

import re
from dataclasses import dataclass

from filterd.http.page.facts import Contacts, PageFacts, Reading, Why
from filterd.http.page.filling import fill, names
from filterd.http.page.markup import Markup, clean, element, join
from filterd.http.page.words import Language

CASE_PATH = "/.well-known/filterd/case"
GO_PATH = "/.well-known/filterd/continue"
NOTE = 200  # characters of free text

_DIGITS = re.compile(r"\+?\d[\d .-]{1,18}\d")
_SITE = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}", re.IGNORECASE)
_MAIL = re.compile(r"[A-Za-z0-9._+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63}")
_FAULTS = frozenset({Why.CERTIFICATE, Why.UNREACHABLE, Why.SLOW, Why.UNREADY, Why.MALFORMED})


@dataclass(frozen=True, slots=True)
class Offer:
    """What the reader may do. Tokens of `signed.py`; "": not offered. `reference` of the case."""

    reference: str = ""
    case: str = ""
    go_on: str = ""
    minutes: int = 0


def details(facts: PageFacts, language: Language, reference: str) -> Markup:
    """Return the table of facts: folded for the youngest, who need not read it."""
    ui, known = language.ui, names(facts, language)
    fault, staff = facts.why in _FAULTS, facts.reading is Reading.STAFF
    order, warns = facts.why is Why.ORDER, facts.why is Why.WARNING
    wide = staff or facts.reading is Reading.PRIMARY
    age = known["age"] and ui["age_value"].replace("{age}", known["age"])
    rows = [
        ("host", known["host"], True),
        ("category", known["category"], not fault),
        ("age", age, not fault and not order),
        ("authority_warns" if warns else "authority", known["authority"], not fault),
        ("reference", known["reference"], not fault),
        ("basis", known["basis"], not fault),
        ("whom", known["whom"], order),
        ("order", facts.order, wide),
        ("list", known["list"], wide),
        ("rule", known["rule"], wide),
        ("group", facts.group, wide),
        ("status", str(facts.why.status), wide),
        ("code", reference, wide),
    ]
    shown = [(ui[key], clean(value)) for key, value, wanted in rows if wanted and clean(value)]
    if not shown:
        return Markup()
    table = element(
        "dl",
        *(
            join(element("dt", label), element("dd", element("bdi", value, translate="no")))
            for label, value in shown
        ),
    )
    if facts.reading is not Reading.PRIMARY:
        return table
    return element("details", element("summary", ui["details_adults"]), table, class_="about")


def appeal(facts: PageFacts, language: Language, offer: Offer) -> Markup:
    """Return the form "wrongly blocked?", or nothing where there is nothing to appeal."""
    if not offer.case:
        return Markup()
    words = language.appeals[facts.reading]
    choices = [
        element(
            "label",
            element("input", type="radio", name="reason", value=word, required=True),
            element("span", label),
        )
        for word, label in words.reasons.items()
    ]
    note = (
        element(
            "label",
            words.note,
            element("input", type="text", name="note", maxlength=str(NOTE), autocomplete="off"),
            class_="note",
        )
        if words.note and facts.reading is not Reading.PRIMARY
        else Markup()
    )
    primary = facts.reading is Reading.PRIMARY
    form = element(
        "form",
        element(
            "fieldset",
            element("legend", words.title, class_=None if primary else "hidden"),
            *choices,
            note,
        ),
        element("input", type="hidden", name="token", value=offer.case),
        element("button", words.send),
        method="post",
        action=CASE_PATH,
    )
    # The youngest need not find out that something unfolds.
    return (
        form if primary else element("details", element("summary", words.title), form, class_="ask")
    )


def go_on(facts: PageFacts, language: Language, offer: Offer) -> Markup:
    """Return the form with which a reader goes on to a page that is warned of."""
    if not offer.go_on:
        return Markup()
    primary = facts.reading is Reading.PRIMARY
    note = fill(language.ui["go_on_note"], {"minutes": str(offer.minutes)})
    return element(
        "form",
        element("input", type="hidden", name="token", value=offer.go_on),
        element("button", language.ui["go_on_primary" if primary else "go_on"], class_="second"),
        element("p", note or ""),
        method="post",
        action=GO_PATH,
    )


def help_box(facts: PageFacts, language: Language, contacts: Contacts) -> Markup:
    """Return where to get help: the hotline for everyone, where to report for those who read."""
    ui = language.ui
    lines: list[Markup | None] = []
    if facts.care and facts.reading is not Reading.STAFF:
        lines.append(fill(ui["care"], {}))
    lines.append(fill(ui["hotline"], {"hotline": _telephone(contacts.hotline)}))
    if facts.reading is not Reading.PRIMARY:
        places = [_site(contacts.report_site), _mail(contacts.report_mail)]
        given = [each for each in places if each]
        either = Markup(f" {element('span', ui['or'])} ")
        lines.append(fill(ui["report"], {"report": Markup(either.join(given))}))
        lines.append(fill(ui["school"], {"appeal": address(contacts.appeal)}))
    shown = [element("p", each) for each in lines if each is not None]
    return (
        element("section", element("h2", ui["help"]), *shown, class_="help") if shown else Markup()
    )


def address(text: str) -> Markup:
    """Return a school's address as a link where it is one, else as it stands."""
    text = clean(text)
    if _MAIL.fullmatch(text):
        return _mail(text)
    return _telephone(text) if _DIGITS.fullmatch(text) else _site(text)


def _telephone(text: str) -> Markup:
    text = clean(text)
    if not _DIGITS.fullmatch(text):
        return element("b", text) if text else Markup()
    digits = "".join(each for each in text if each.isdigit() or each == "+")
    return element("b", element("a", text, href=f"tel:{digits}"))


def _site(text: str) -> Markup:
    text = clean(text)
    if not _SITE.fullmatch(text):
        return element("bdi", text) if text else Markup()
    return element("a", text, href=f"https://{text}/", rel="noreferrer")


def _mail(text: str) -> Markup:
    text = clean(text)
    if not _MAIL.fullmatch(text):
        return element("bdi", text) if text else Markup()
    return element("a", text, href=f"mailto:{text}")
