"""Classes of rules: all that is the same for many patterns, under one small number.

An index maps patterns to class ids, nothing else. What a class means stands in the index's
`meta` (see `classes_json.py`), so a compiled index explains itself without the lists it came from.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from filterd.model.rule import NO_CONDITION, Action, Condition, Rewrite

BLOCKING = frozenset({Action.BLOCK, Action.NXDOMAIN, Action.NODATA, Action.DROP, Action.TCP_ONLY})


class Origin(StrEnum):
    """Whose rule it is."""

    LIST = "list"  # a configured list
    ORDER = "order"  # an authority's, by the feed; `list` says which
    WARNING = "warning"  # an authority's order to warn, which takes a page to do
    MUST_NOT_BLOCK = "must-not-block"
    OVERRIDE = "override"  # a teacher's temporary allow
    LOCAL_ALLOW = "local-allow"
    LOCAL_BLOCK = "local-block"
    SERVICE = "service"  # an app known by name; action BLOCK or ALLOW, two classes
    DEMO = "demo"  # a demonstration name of a category
    SAFE_SEARCH = "safe-search"
    CANARY = "canary"  # a name whose absence keeps a device on our DNS
    BYPASS = "bypass"  # public encrypted DNS, relays, names that contain an address
    REBIND = "rebind"  # a private address in a public answer


@dataclass(frozen=True, slots=True)
class RuleClass:
    """What all rules of one class have in common. `expires` is in unix seconds.

    `condition` and `rewrite` are those of the rules; `category` and `min_age` those of the list,
    service or demo name; `groups` None means every group.
    """

    origin: Origin
    action: Action = Action.BLOCK
    list: str = ""  # the list's name, or authority/order; for the school's own rules empty
    important: bool = False
    condition: Condition = NO_CONDITION
    rewrite: Rewrite | None = None
    dnsrewrite: bool = False  # an ABP `$dnsrewrite`, which outranks blocks, not a hosts line
    category: str | None = None
    min_age: int | None = None
    mandatory: bool = False
    allow_list: bool = False
    zone: int | None = None  # RPZ: the zone's place, mandatory zones before others
    service: str | None = None
    kind: str = ""  # SAFE_SEARCH: search, youtube-moderate or youtube-strict
    groups: frozenset[str] | None = None
    expires: int | None = None
    note: str = ""  # OVERRIDE: the reason and who gave it; ORDER: its number on paper


@dataclass(slots=True)
class ClassTable:
    """The classes of one index layer; the place in `classes` is the id."""

    classes: list[RuleClass] = field(default_factory=list)
    _ids: dict[RuleClass, int] = field(default_factory=dict, repr=False)

    def intern(self, rule_class: RuleClass) -> int:
        """Return the id of `rule_class`, giving it one if it is new."""
        known = self._ids.get(rule_class)
        if known is None:
            known = self._ids[rule_class] = len(self.classes)
            self.classes.append(rule_class)
        return known

    def __len__(self) -> int:
        return len(self.classes)


def source_of(rule: RuleClass) -> str:
    """Return the word for where a rule comes from: its list, service, or kind."""
    if rule.origin is Origin.LIST:
        return rule.list
    if rule.origin in (Origin.ORDER, Origin.WARNING):
        return f"order:{rule.list}"
    if rule.service is not None:
        return f"service:{rule.service}"
    return rule.origin.value
