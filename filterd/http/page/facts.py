"""What a block page speaks of, and the answer that it becomes. Values only.

No field is for a URL or for a client: what is not here cannot be shown, kept or sent on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from filterd.model.verdict import Step


class Kind(StrEnum):
    """Who stands behind it; chooses colour, picture and status."""

    ORDER = "order"
    SCHOOL = "school"
    AGE = "age"
    WARN = "warn"
    ERROR = "error"


class Why(StrEnum):
    """Why there is a page instead of what was asked for; one set of words each."""

    ORDER = "order"  # a mandatory order of an authority
    RULE = "rule"  # the school's own rule
    LIST = "list"  # a list that the school uses
    SCHEDULE = "schedule"  # lesson time, or the quota is used up
    UNLISTED = "unlisted"  # the group may open listed sites only
    MISMATCH = "mismatch"  # host, SNI and destination disagree; a way round the filter
    AGE = "age"  # category by age
    LABEL = "label"  # the site's own age label
    WARNING = "warning"  # `effect: warn`; there is a button to go on
    CERTIFICATE = "certificate"  # the site's certificate is not valid
    UNREACHABLE = "unreachable"  # no connection to the site
    SLOW = "slow"  # no answer in time
    UNREADY = "unready"  # the filter has no rules yet, and this class fails closed
    MALFORMED = "malformed"  # a request that no server should be sent

    @property
    def kind(self) -> Kind:
        """Who stands behind it."""
        return _KINDS.get(self, Kind.ERROR)

    @property
    def status(self) -> int:
        """451 for a legal demand only (RFC 7725), 403 for the school's, 4xx or 5xx for faults."""
        return _STATUS.get(self, 403)


_KINDS = {
    Why.ORDER: Kind.ORDER,
    Why.RULE: Kind.SCHOOL,
    Why.LIST: Kind.SCHOOL,
    Why.SCHEDULE: Kind.SCHOOL,
    Why.UNLISTED: Kind.SCHOOL,
    Why.MISMATCH: Kind.SCHOOL,
    Why.AGE: Kind.AGE,
    Why.LABEL: Kind.AGE,
    Why.WARNING: Kind.WARN,
}
_STATUS = {
    Why.ORDER: 451,
    Why.CERTIFICATE: 502,
    Why.UNREACHABLE: 502,
    Why.SLOW: 504,
    Why.UNREADY: 503,
    Why.MALFORMED: 400,
}


_BY_STEP = {
    Step.ORDER: Why.ORDER,
    Step.SCHEDULE: Why.SCHEDULE,
    Step.LIST: Why.LIST,
    Step.AGE: Why.AGE,
    Step.DEFAULT: Why.UNLISTED,
}


def why_of(step: Step, *, mandatory: bool = False) -> Why:
    """Return why a decision of that step of the precedence list blocks."""
    return Why.ORDER if mandatory else _BY_STEP.get(step, Why.RULE)


class Reading(StrEnum):
    """For whom it is written."""

    PRIMARY = "primary"  # two short, friendly sentences
    SECONDARY = "secondary"  # the reason, and how to appeal
    STAFF = "staff"  # rule and list by name

    @classmethod
    def of_age(cls, age: int) -> "Reading":
        """Return the reading for a group of that age (its youngest member's, in years)."""
        if age < 11:
            return cls.PRIMARY
        return cls.SECONDARY if age < 18 else cls.STAFF


@dataclass(frozen=True, slots=True)
class Contacts:
    """Whom to turn to. Every field may be empty and is then left out of the page.

    `appeal` is a mail address, a telephone number or a few words of the school; `operator` the
    address (http or https) of who runs the filter, for `Link: rel="blocked-by"` (RFC 7725).
    """

    school: str = ""
    appeal: str = ""
    hotline: str = "111"
    report_site: str = "vn-cop.vn"
    report_mail: str = "bvte@vncert.vn"
    operator: str = ""


@dataclass(frozen=True, slots=True)
class PageFacts:
    """One block. Texts are other people's and are cleaned and escaped where they are shown.

    `category` is an id of `rules/categories.yaml`, `category_names` its titles by language.
    `grave`: abuse material; then the host is shown to nobody. `care`: the page may be met by a
    child in need (grave, self-harm), so help comes first. `age`: of the label or rule, in years.
    `order` is the id, `reference` the number on paper.
    """

    why: Why
    reading: Reading
    host: str = ""
    group: str = ""
    category: str = ""
    category_names: Mapping[str, str] = field(default_factory=dict)
    age: int | None = None
    list: str = ""
    rule: str = ""
    authority: str = ""
    order: str = ""
    reference: str = ""
    legal_basis: str = ""
    grave: bool = False
    care: bool = False

    @property
    def shown_host(self) -> str:
        """The host, or nothing for the gravest category."""
        return "" if self.grave else self.host


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a form: `outcome` of `words.OUTCOMES`, `reference` of the case, if any."""

    status: int
    outcome: str
    reading: Reading = Reading.SECONDARY
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. `headers` hold no line break; `body` is empty for HEAD."""

    status: int
    phrase: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """Return the value of a header, "" where there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")
