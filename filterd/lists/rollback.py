"""One command back: the index before, and each list to the version that index was made of.

Lists go back too, so that the next refresh of another list does not bring the bad version in
again. A version rolled back from stays out until its content changes or an operator accepts it.
"""

from dataclasses import dataclass

from filterd.lists.index_store import Generation, IndexStore
from filterd.lists.store import ListStore
from filterd.model.errors import RulesError


@dataclass(frozen=True, slots=True)
class RolledBack:
    """The index now in use, the lists that went back, and those that could not."""

    generation: Generation
    lists: tuple[str, ...]
    kept: tuple[str, ...]


def rollback(lists: ListStore, rules: IndexStore) -> RolledBack:
    """Go back to the index before. The caller holds `durable.locked`.

    Raises:
        RulesError: there is no earlier index, or it is damaged; nothing has changed then.
        OSError: the disk may not be written.
    """
    generation = rules.rollback()
    back, kept = [], []
    for name, sha256 in generation.inputs:
        shelf = lists.known(name)
        if shelf.current is None or shelf.current.sha256 == sha256:
            continue
        if shelf.previous is None or shelf.previous.sha256 != sha256:
            kept.append(name)
            continue
        try:
            lists.rollback(name)
            back.append(name)
        except RulesError:
            # The file is damaged; the index, which is what answers, is whole.
            kept.append(name)
    return RolledBack(generation, tuple(back), tuple(kept))
