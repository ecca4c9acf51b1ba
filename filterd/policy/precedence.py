"""The precedence list: who wins when several rules speak about one name.

The first step that applies wins. A class of rules gets one number per group and moment, its rank:
`step * 256 + order inside the step`; the core takes the lowest. This file is the only place that
says which rule stands where.

1. must-not-block: hotline, emergency, government, the node's own needs. For everyone, always.
2. order: what an authority orders blocked for everyone, and every rule of a mandatory list. Not
   touched by `lists`, age or `filtered`.
3. override: a teacher's temporary allow, until it expires, for its group or for everyone.
4. schedule: while one of the group's blocks is in force, what it names. "Everything" is no
   class but the plan's `closed`. A list's exceptions do not lift a schedule; an override does.
5. local allow: the school's, the group's, and services the group allows.
6. local block: the school's, the group's, services the group blocks; for groups with bypass
   protection canary names and public encrypted DNS; private addresses in public answers.
7. lists that the group uses. Inside the step: `$dnsrewrite`, exceptions from it, important
   exceptions, important blocks, exceptions, blocks, rewrites by a hosts line.
   What an authority allows counts as an exception here.
8. age: rules of a list, service or demo name with a category or `min_age` above the group's age;
   and what an authority rates.
   Where the age is reached, the whole list is silent, its exceptions too.
9. default: pass, or block for an allow-only group (no class). Safe search stands here as a
   rewrite of whatever is not blocked.

A group with `filtered` off sees steps 1, 2, 3, 5 and 6 only, and in 5 and 6 the local rules only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from filterd.model.group import Group, ScheduledBlock
from filterd.model.rule import Action
from filterd.model.verdict import Step
from filterd.policy.ages import effective_min_age, too_young
from filterd.policy.classes import BLOCKING, Origin, RuleClass

NOT_APPLICABLE = 65535
CLOSED = Step.SCHEDULE * 256  # a schedule that blocks everything, without a rule
DEFAULT_BLOCK = Step.DEFAULT * 256 + 255  # an allow-only group's default, without a rule


class Why(StrEnum):
    """Why a class stands where it stands, or does not apply."""

    ALWAYS = "always"  # must-not-block
    ORDER = "order"
    OVERRIDE = "override"
    SCHEDULE = "schedule"
    LOCAL = "local"
    SERVICE = "service"  # the group's own choice of services
    BYPASS = "bypass"
    REBIND = "rebind"
    LIST = "list"
    AGE = "age"  # below the min_age
    SAFE_SEARCH = "safe-search"
    # from here on: does not apply, because
    OTHER_GROUP = "other-group"
    EXPIRED = "expired"
    UNFILTERED = "unfiltered"
    LIST_NOT_USED = "list-not-used"
    OLD_ENOUGH = "old-enough"
    SERVICE_NOT_CHOSEN = "service-not-chosen"
    BYPASS_OFF = "bypass-off"
    SAFE_SEARCH_OFF = "safe-search-off"
    WARNING = "warning"  # warns where there is a page to do it with
    CONDITION = "condition"  # the rule asks for another type, client or tag


@dataclass(frozen=True, slots=True)
class Standing:
    """A class's place in the list for one group: its rank and why."""

    rank: int
    why: Why

    @property
    def applies(self) -> bool:
        """Whether it counts at all."""
        return self.rank != NOT_APPLICABLE


@dataclass(frozen=True, slots=True)
class Policy:
    """A group with the ages that hold for it: all that standing depends on but time."""

    group: Group
    ages: Mapping[str, int]  # category -> min_age, the school's
    own_ages: Mapping[str, int | None]  # the group's own words


def policy_of(group: Group, ages: Mapping[str, int]) -> Policy:
    """Return the policy of `group` under the school's category ages."""
    return Policy(group, ages, dict(group.categories))


def rank(step: Step, order: int = 0) -> int:
    """Return the rank of `order` (0..255, lower first) inside `step`."""
    return step * 256 + order


_FIXED: Mapping[Origin, Standing] = {
    Origin.MUST_NOT_BLOCK: Standing(rank(Step.MUST_NOT_BLOCK), Why.ALWAYS),
    Origin.OVERRIDE: Standing(rank(Step.OVERRIDE), Why.OVERRIDE),
    Origin.LOCAL_ALLOW: Standing(rank(Step.LOCAL_ALLOW), Why.LOCAL),
    Origin.LOCAL_BLOCK: Standing(rank(Step.LOCAL_BLOCK), Why.LOCAL),
    # Guards the network, not the pupil: `filtered` does not lift it.
    Origin.REBIND: Standing(rank(Step.LOCAL_BLOCK), Why.REBIND),
    Origin.WARNING: Standing(NOT_APPLICABLE, Why.WARNING),
}
# As plain numbers, for what is done at each request.
_ORDERED, _TIMED, _LIST, _AGE, _DEFAULT = map(
    int, (Step.ORDER, Step.SCHEDULE, Step.LIST, Step.AGE, Step.DEFAULT)
)
# Order 1, not 0: rewrites of order 0 can be lifted by any list's exception.
_ORDER = Standing(rank(Step.ORDER, 1), Why.ORDER)


def standing(rule: RuleClass, policy: Policy) -> Standing:
    """Say where `rule` stands for a group, schedules and expiry aside."""
    if rule.groups is not None and policy.group.name not in rule.groups:
        return _no(Why.OTHER_GROUP)
    fixed = _FIXED.get(rule.origin)
    if fixed is not None:
        return fixed
    if rule.mandatory:
        return _ORDER
    if not policy.group.filtered:
        return _no(Why.UNFILTERED)
    match rule.origin:
        case Origin.SERVICE:
            return _service(rule, policy)
        case Origin.CANARY | Origin.BYPASS:
            guarded = policy.group.bypass_protection
            return Standing(rank(Step.LOCAL_BLOCK), Why.BYPASS) if guarded else _no(Why.BYPASS_OFF)
        case Origin.SAFE_SEARCH:
            return _safe_search(rule, policy.group)
        case Origin.LIST:
            return _list(rule, policy)
        case Origin.ORDER if rule.action is Action.ALLOW:
            return Standing(_list_rank(rule), Why.ORDER)
        case _:
            return _by_age(rule, policy)


def scheduled(rule: RuleClass, block: ScheduledBlock) -> bool:
    """Say whether `block`, while it is in force, puts `rule` on step 4 of its group."""
    if rule.mandatory:
        return False
    if rule.action not in BLOCKING and (rule.action is not Action.REWRITE or rule.allow_list):
        return False
    match rule.origin:
        case Origin.LIST:
            return rule.list in block.lists or rule.category in block.categories
        case Origin.SERVICE:
            return rule.service in block.services or rule.category in block.categories
        case Origin.DEMO:
            return rule.category in block.categories
        case _:
            return False


def rank_behind(step: int, rule: RuleClass | None) -> int:
    """Return the rank of a rule that decided on `step`; None: no rule, the step itself did."""
    if rule is None:
        return DEFAULT_BLOCK if step == _DEFAULT else step * 256
    if step == _LIST:
        return _list_rank(rule)
    if step == _ORDERED:
        return _ORDER.rank
    if step == _TIMED:
        return SCHEDULED
    return step * 256 + (step == _AGE and rule.action is Action.REWRITE)


def home(rule: RuleClass) -> Step:
    """Return the step a rule belongs to while no schedule names it, applicable or not."""
    if rule.origin is Origin.WARNING:
        return Step.ORDER
    fixed = _FIXED.get(rule.origin)
    if fixed is not None:
        return Step(fixed.rank >> 8)
    match rule.origin:
        case Origin.LIST | Origin.ORDER if rule.mandatory:
            return Step.ORDER
        case Origin.ORDER if rule.action is Action.ALLOW:
            return Step.LIST
        case Origin.SERVICE if rule.action is Action.ALLOW:
            return Step.LOCAL_ALLOW
        case Origin.CANARY | Origin.BYPASS:
            return Step.LOCAL_BLOCK
        case Origin.SAFE_SEARCH:
            return Step.DEFAULT
        case Origin.LIST if rule.allow_list or (rule.category is None and rule.min_age is None):
            return Step.LIST
        case _:
            return Step.AGE


SCHEDULED = rank(Step.SCHEDULE, 1)  # the rank of what `scheduled` names


def _no(why: Why) -> Standing:
    return Standing(NOT_APPLICABLE, why)


def _service(rule: RuleClass, policy: Policy) -> Standing:
    group = policy.group
    if rule.action is Action.ALLOW:
        if rule.service in group.allow_services:
            return Standing(rank(Step.LOCAL_ALLOW), Why.SERVICE)
        return _no(Why.SERVICE_NOT_CHOSEN)
    if rule.service in group.block_services:
        return Standing(rank(Step.LOCAL_BLOCK), Why.SERVICE)
    return _by_age(rule, policy)


def _by_age(rule: RuleClass, policy: Policy) -> Standing:
    min_age = effective_min_age(rule, policy.ages, policy.own_ages)
    if min_age is None or not too_young(policy.group, min_age):
        return _no(Why.OLD_ENOUGH)
    return Standing(rank(Step.AGE), Why.AGE)


def _safe_search(rule: RuleClass, group: Group) -> Standing:
    wanted = group.safe_search if rule.kind == "search" else rule.kind == f"youtube-{group.youtube}"
    return Standing(rank(Step.DEFAULT), Why.SAFE_SEARCH) if wanted else _no(Why.SAFE_SEARCH_OFF)


def _list(rule: RuleClass, policy: Policy) -> Standing:
    chosen = policy.group.lists
    if chosen is not None and rule.list not in chosen:
        return _no(Why.LIST_NOT_USED)
    if rule.allow_list:  # its category says what the names are, not who may not see them
        return Standing(_list_rank(rule), Why.LIST)
    min_age = effective_min_age(rule, policy.ages, policy.own_ages)
    if min_age is None:
        return Standing(_list_rank(rule), Why.LIST)
    if not too_young(policy.group, min_age):
        return _no(Why.OLD_ENOUGH)
    if rule.important or rule.dnsrewrite or rule.action in (Action.ALLOW, Action.UNREWRITE):
        # The list's own order among its rules holds, so these keep their place in step 7.
        return Standing(_list_rank(rule), Why.AGE)
    return Standing(rank(Step.AGE, 1 if rule.action is Action.REWRITE else 0), Why.AGE)


def _list_rank(rule: RuleClass) -> int:
    """Return the rank inside step 7."""
    match rule.action:
        case Action.REWRITE if rule.dnsrewrite:
            order = 0
        case Action.UNREWRITE:
            order = 1
        case Action.ALLOW:
            order = 2 if rule.important else 4
        case Action.REWRITE if rule.zone is None:
            order = 6  # a hosts line with an address
        case _:
            order = 3 if rule.important else 5  # RPZ local data counts as the zone's block
    return rank(Step.LIST, order)
