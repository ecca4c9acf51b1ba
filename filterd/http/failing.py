"""What passes where something cannot be asked. The one place that says so, for each class of sites.

* What is illegal fails closed.
* What is inappropriate fails as the school says.
* What schools learn with never fails closed, whatever is lost.
"""

from dataclasses import dataclass
from enum import StrEnum

from filterd.model.name import parents


class Lost(StrEnum):
    """What cannot be asked, and so whom it was about."""

    RULES = "rules"  # the rules themselves: nobody knows what is illegal
    PAGES = "pages"  # lists of URLs beside them, of what is inappropriate; the rules said "pass"
    ORDERS = "orders"  # the same, where a mandatory list is among them


@dataclass(frozen=True, slots=True)
class Failing:
    """`learning`: names with all under them. `inappropriate`: whether that passes."""

    learning: frozenset[str] = frozenset()
    inappropriate: bool = False

    def passes(self, lost: Lost, name: str) -> bool:
        """Say whether `name`, normalised, goes on without `lost`."""
        if any(each in self.learning for each in parents(name)):
            return True
        return self.inappropriate and lost is Lost.PAGES
