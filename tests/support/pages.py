"""Block pages to look at: facts, readers, and the HTML they become."""

from dataclasses import replace
from html.parser import HTMLParser

from filterd.http.page.answer import answer
from filterd.http.page.asked import Asked
from filterd.http.page.facts import Contacts, PageFacts, Reading, Why
from filterd.http.page.markup import VOID
from filterd.http.page.pieces import Offer
from filterd.http.page.words import Words

WORDS = Words.load()
SCHOOL = Contacts(
    school="Trường THCS Thử Nghiệm",
    appeal="tin-hoc@truong.example",
    operator="https://truong.example/loc",
)
FULL = PageFacts(
    why=Why.ORDER,
    reading=Reading.SECONDARY,
    host="gambling.example",
    group="grades-6-7",
    category="gambling",
    category_names={"vi": "Cờ bạc trực tuyến", "en": "Online gambling"},
    list="orders",
    rule="||gambling.example^",
    authority="Bộ Thử Nghiệm",
    order="2026-11-0042",
    reference="1234/QĐ-BTN",
    legal_basis="Nghị định 00/2026/NĐ-CP, Điều 5",
)
OFFER = Offer("K7QD-3MXA", "c" * 400, "", 0)
BROWSER = Asked(accept="text/html,application/xhtml+xml,*/*;q=0.8", language="vi-VN,vi;q=0.9")


def facts(why=Why.ORDER, reading=Reading.SECONDARY, **more):
    age = {"age": 16} if why in (Why.AGE, Why.LABEL) else {}
    return replace(FULL, why=why, reading=reading, **{**age, **more})


def shown(given=FULL, asked=BROWSER, offer=OFFER, contacts=SCHOOL):
    return answer(given, asked, WORDS, contacts, offer)


class Reader(HTMLParser):
    """Reads a page strictly: tags must close in order, ids be unique; keeps text and attributes."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.texts, self.attributes, self.ids = [], [], [], [], []
        self.feed(page.decode())
        self.close()
        assert self.open == [], f"never closed: {self.open}"
        assert len(self.ids) == len(set(self.ids))

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *each) for each in attrs]
        self.ids += [value for name, value in attrs if name == "id"]
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, names)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> out of order"

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    def values(self, tag, name):
        return [value for each, key, value in self.attributes if (each, key) == (tag, name)]
