"""One decision as a flat record: what the core's ring yields and the report floor receives.

It names a client, so it lives in memory only; `report/privacy.py` decides what of it is kept.
"""

from dataclasses import dataclass

from filterd.model.verdict import Kind, Step


@dataclass(frozen=True, slots=True)
class Event:
    """A decided question.

    `at` is Unix time in seconds, `client` the text of an address, `rule` the pattern that
    decided as its list registered it, `door` one of udp, tcp, dot, doh.
    """

    at: float
    client: str
    qname: str
    qtype: int
    kind: Kind
    step: Step
    list: str | None
    rule: str | None
    category: str | None
    group: str
    door: str
    rcode: int
