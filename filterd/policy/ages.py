"""From which age a class of rules no longer blocks.

The rule book gives each category an age; the school may change it, then the list, then the
group. Nobody lowers what the rule book calls illegal (ALWAYS).
"""

from collections.abc import Mapping

from filterd.model.group import ALWAYS, Group, RuleBook, School
from filterd.policy.classes import RuleClass

NEVER = 0  # a min_age no group is below: not blocked by age


def category_ages(rulebook: RuleBook, school: School) -> dict[str, int]:
    """Return category -> min_age for the school, before any group's changes."""
    ages = {category.name: category.min_age for category in rulebook.categories}
    for name, age in school.category_ages:
        if ages.get(name) != ALWAYS:
            ages[name] = age
    return ages


def effective_min_age(
    rule: RuleClass,
    ages: Mapping[str, int],
    own: Mapping[str, int | None],
) -> int | None:
    """Return the age in force for a class; None where age has no say in it.

    `ages` are the school's (`category_ages`), `own` the group's (`dict(group.categories)`).
    In this order: illegal stays illegal; the group's own word on the category (None there: never
    by age); the list's or rule's `min_age`; the category's.
    """
    if rule.min_age is None and rule.category is None:
        return None
    by_category = None if rule.category is None else ages.get(rule.category)
    if ALWAYS in (by_category, rule.min_age):
        return ALWAYS
    if rule.category is not None and rule.category in own:
        word = own[rule.category]
        return NEVER if word is None else word
    return by_category if rule.min_age is None else rule.min_age


def too_young(group: Group, min_age: int) -> bool:
    """Say whether the group's youngest member is below `min_age` years."""
    return group.age < min_age
