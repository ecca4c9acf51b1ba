"""`Plan`: one table of nftables as values, in the order in which it is written.

Values only: nothing here knows a configuration, and nothing runs. What a rule matches and does is
text in nft's language (nft(8)); `key` names what it is for, is its comment in the kernel, and finds
its words in `words.py`.
"""

from dataclasses import dataclass

FAMILY, TABLE = "inet", "filterd"


@dataclass(frozen=True, slots=True)
class Set:
    """A named set. `lines` are its type, flags and bounds. Elements of one with `learned` come
    while it is in force, and are kept when a new table takes the place of the old.
    """

    name: str
    lines: tuple[str, ...]
    elements: tuple[str, ...] = ()
    learned: bool = False


@dataclass(frozen=True, slots=True)
class Map:
    """A named map from who somebody is to the chain that says what holds for them."""

    name: str
    lines: tuple[str, ...]
    elements: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: `match` and `action` in nft's language. With `key` it is counted and named."""

    match: str
    action: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain; `hook` is its line of type, hook and priority, empty where others lead to it.
    `group` is whose it is.
    """

    name: str
    rules: tuple[Rule, ...]
    hook: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole table. `notes` are keys of what its reader should know (`words.NOTES`)."""

    sets: tuple[Set, ...]
    maps: tuple[Map, ...]
    chains: tuple[Chain, ...]
    notes: tuple[str, ...] = ()
