"""What is never decrypted: the core that came with the rules, what the school added, and what a
client would not let us decrypt.

The core holds whatever the school says; there is no way to take a name out of it here. What is
learned is learned for the client that refused our certificate alone: a device without our
authority, or with an app that trusts one certificate, is decided by name from then on, and cannot
make others be.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from filterd.model.name import parents

LEARNED_SECONDS = 24 * 3600.0
MOST_LEARNED = 20_000


@dataclass(frozen=True, slots=True)
class NeverDecrypt:
    """Names with all under them."""

    core: frozenset[str] = frozenset()
    added: frozenset[str] = frozenset()

    @classmethod
    def of(cls, core: Iterable[str], added: Iterable[str] = ()) -> "NeverDecrypt":
        """Return the names of both."""
        return cls(frozenset(core), frozenset(added))

    def covers(self, name: str) -> bool:
        """Say whether `name`, normalised, may not be decrypted."""
        return any(each in self.core or each in self.added for each in parents(name))


class Learned:
    """Clients that refused our certificate for a name, until `seconds` (of a steady clock) after.

    At most `most`; the oldest goes first.
    """

    def __init__(self, seconds: float = LEARNED_SECONDS, most: int = MOST_LEARNED) -> None:
        self._seconds = seconds
        self._most = most
        self._until: OrderedDict[tuple[str, str], float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._until)

    def learn(self, client: str, name: str, steady: float, left: float | None = None) -> None:
        """Remember that `client` refused; `left`: for so many seconds, as another worker says."""
        seconds = self._seconds if left is None else min(left, self._seconds)
        until = max(steady + seconds, self._until.pop((client, name), 0.0))
        self._until[client, name] = until
        while len(self._until) > self._most:
            self._until.popitem(last=False)

    def knows(self, client: str, name: str, steady: float) -> bool:
        """Say whether `client` refused lately."""
        until = self._until.get((client, name))
        if until is None:
            return False
        if until <= steady:
            del self._until[client, name]
            return False
        return True

    def left(self, client: str, name: str, steady: float) -> float:
        """Return for how many seconds that still holds; 0 or less: it does not."""
        return self._until.get((client, name), steady) - steady

    def known(self, steady: float) -> list[tuple[str, str]]:
        """Return each client and name that holds, the newest last."""
        return [each for each, until in self._until.items() if until > steady]
