"""The desk: makes the answer to a block with what its reader may do, and takes the forms back.

Everything under `/.well-known/filterd/` on any host that the proxy answers for, and the whole of
`http://filterd.internal/`, belongs to the filter: a form goes to the host whose page it stands in,
so that it works over HTTPS and in every mode, and never on to the site.
"""

import hashlib
import hmac
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from filterd.http.page import going, heads
from filterd.http.page.answer import answer, told
from filterd.http.page.asked import Asked, Shape
from filterd.http.page.cases import Box
from filterd.http.page.facts import Answer, Contacts, Kind, PageFacts, Reading, Told, Why
from filterd.http.page.limits import Pace
from filterd.http.page.markup import clean
from filterd.http.page.pieces import CASE_PATH, GO_PATH, NOTE, Offer
from filterd.http.page.signed import LONGEST as LONGEST_TOKEN
from filterd.http.page.signed import Signer
from filterd.http.page.words import Words
from filterd.model.case import ALPHABET, HOUR, Case, without_client

OURS = "/.well-known/filterd/"
MINUTES = 30  # for which a warned page opens
LONGEST = 8192  # bytes of a form; more need not be read
FORM = "application/x-www-form-urlencoded"
_CASE = "case"
_GO = "go"
_OPEN = frozenset({Kind.ORDER, Kind.SCHOOL, Kind.AGE, Kind.WARN})


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, for as long as the answer takes; only keyed hashes of `client` outlive it."""

    client: str
    host: str
    path: str = "/"
    tls: bool = True


def may_be_ours(claimed: str, path: str) -> bool:
    """Return False where `is_ours` will be, whatever `claimed` is read as; cheap."""
    return path.startswith(OURS) or heads.HOME in claimed.lower()


def is_ours(host: str, path: str) -> bool:
    """Return whether a request is for the filter itself and may not go to any server."""
    return host == heads.HOME or path.startswith(OURS)


@dataclass(frozen=True, slots=True)
class Desk:
    """The desk of one worker. `below(n)`: a random number under `n` that nobody can guess."""

    signer: Signer
    words: Words
    contacts: Contacts
    box: Box
    below: Callable[[int], int]
    minutes: int = MINUTES
    pace: Pace = field(default_factory=Pace)

    def refuse(self, facts: PageFacts, asked: Asked, asker: Asker, now: float) -> Answer:
        """Return the answer to a request that is blocked or warned of."""
        offer = Offer()
        if asked.shape is Shape.PAGE and facts.why.kind in _OPEN:
            offer = self._offer(facts, asker, now)
        return answer(facts, asked, self.words, self.contacts, offer)

    def may_go_on(self, asker: Asker, cookies: str, now: float) -> bool:
        """Return whether the reader of a warning chose to go on, and the time is not over."""
        return going.may(self.signer, asker.client, asker.host, cookies, now)

    def receive(self, asked: Asked, asker: Asker, body: bytes, now: float) -> Answer:
        """Return the answer to a request that `is_ours`: a form, or something lost."""
        path = asker.path.partition("?")[0]
        if asker.host == heads.HOME and (path == "/" or path.startswith("/problem/")):
            return self._tell(asked, Told(200, "about"))
        if path not in (CASE_PATH, GO_PATH):
            return self._tell(asked, Told(404, "nothing"))
        if asked.method != "POST":
            given = self._tell(asked, Told(405, "method"))
            return replace(given, headers=(*given.headers, ("Allow", "POST")))
        if len(body) > LONGEST:
            return self._tell(asked, Told(413, "large"))
        form = _form(asked, body)
        if form is None:
            return self._tell(asked, Told(400, "odd"))
        read = self._take_case if path == CASE_PATH else self._go_on
        return read(asked, asker, form, now)

    def _offer(self, facts: PageFacts, asker: Asker, now: float) -> Offer:
        reference = self._reference()
        said = {
            "reference": reference,
            "reading": facts.reading.value,
            "why": facts.why.value,
            "host": clean(facts.shown_host, 253),
            "group": clean(facts.group, 64),
            "category": clean(facts.category, 64),
            "age": facts.age,
            "list": clean(facts.list, 64),
            "rule": "" if facts.grave else clean(without_client(facts.rule), 120),
            "order": clean(facts.order, 64),
        }
        case = self.signer.sign(_CASE, asker.client, int(now) + HOUR, said)
        if facts.why is not Why.WARNING:
            return Offer(reference, case)
        # Back to where it was asked for: in the token, so that nobody else can name a place.
        way = {"host": asker.host, "back": going.back(asker.path)}
        go = self.signer.sign(_GO, asker.client, int(now) + HOUR, way)
        if len(go) > LONGEST_TOKEN:
            go = self.signer.sign(_GO, asker.client, int(now) + HOUR, {**way, "back": "/"})
        return Offer(reference, case, go, self.minutes)

    def _take_case(self, asked: Asked, asker: Asker, form: Mapping[str, str], now: float) -> Answer:
        read = self.signer.read(_CASE, asker.client, form.get("token", ""), now)
        if read.facts is None:
            return self._tell(asked, _refused(read.problem))
        said = dict(read.facts)
        reading = Reading(str(said.pop("reading")))
        note = clean(form.get("note", ""), NOTE)
        words = self.words.languages["vi"].appeals[reading]
        reason = form.get("reason", "")
        if reason not in words.reasons or (note and not words.note):
            return self._tell(asked, Told(400, "odd", reading))
        if not self.pace.take(self._hidden(asker.client), now):
            given = self._tell(asked, Told(429, "often", reading))
            return replace(given, headers=(*given.headers, ("Retry-After", str(HOUR))))
        hour = int(now) // HOUR * HOUR
        case = Case(**said, hour=hour, reason=reason, note=note)  # type: ignore[arg-type]
        if not self.box.put(case):
            return self._tell(asked, Told(503, "full", reading))
        return self._tell(asked, Told(200, "opened", reading, case.reference))

    def _go_on(self, asked: Asked, asker: Asker, form: Mapping[str, str], now: float) -> Answer:
        read = self.signer.read(_GO, asker.client, form.get("token", ""), now)
        if read.facts is None or read.facts["host"] != asker.host:
            return self._tell(asked, _refused(read.problem or "forged"))
        until = int(now) + 60 * self.minutes
        word = going.word(self.signer, asker.client, asker.host, until)
        cookie = going.cookie(word, self.minutes, tls=asker.tls)
        headers = (
            ("Location", str(read.facts["back"])),
            ("Set-Cookie", cookie),
            ("Cache-Control", "no-store"),
            ("Referrer-Policy", "no-referrer"),
        )
        return Answer(303, heads.phrase(303), headers, b"")

    def _tell(self, asked: Asked, given: Told) -> Answer:
        return told(given, asked, self.words, self.contacts)

    def _reference(self) -> str:
        word = "".join(ALPHABET[self.below(len(ALPHABET))] for _ in range(8))
        return f"{word[:4]}-{word[4:]}"

    def _hidden(self, client: str) -> bytes:
        return hmac.new(self.signer.key, b"pace" + client.encode(), hashlib.sha256).digest()[:8]


def _refused(problem: str) -> Told:
    return Told(410, "expired") if problem == "expired" else Told(403, "forged")


def _form(asked: Asked, body: bytes) -> dict[str, str] | None:
    """Return the fields of a form; None: it is none, or says a field twice."""
    if asked.content_type != FORM:
        return None
    try:
        pairs = urllib.parse.parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=8,
        )
    except ValueError:
        return None
    fields = dict(pairs)
    return fields if len(fields) == len(pairs) else None
