"""Words and numbers that stand for an age in labels.

Only what is beyond doubt: a bare number up to 10 is more often a star rating than an age, so it
needs "+", "years" or the like; a bare letter (P, K, C, R) means too many things.
"""

import re
import unicodedata

from filterd.model.group import ADULT, ALWAYS

# "general" and its like are known, so that a page with them is not counted as unlabelled.
WORDS = {
    **dict.fromkeys(("general", "safe for kids", "kids", "children", "everyone", "family",
                     "all", "all ages", "g", "pg"), 0),
    **dict.fromkeys(("teen", "teens", "pg-13"), 13),
    **dict.fromkeys(("adult", "adults", "adults only", "adult content", "mature", "restricted",
                     "explicit", "nc-17", "nsfw", "xxx"), ADULT),
}  # fmt: skip

# Cinema Law 2022 art. 32 and Circular 05/2023/TT-BVHTTDL; Decree 147/2024/ND-CP art. 38. The same
# ages as rules/ages.yaml (a test holds them together). K: under 13 only with a parent.
SCHEMES = {
    "film": {"p": 0, "k": 13, "t13": 13, "t16": 16, "t18": 18, "c": ALWAYS},
    "game": {"00+": 0, "12+": 12, "16+": 16, "18+": 18},
}

_AGE = re.compile(
    r"(?:(?P<before>over|age|ages|from|ab|fsk|usk|pegi|tu|từ)[ :=-]{0,2})?"
    r"(?P<age>[0-9]{1,2})"
    r"(?P<after> ?\+| ?(?:years?|yrs?|tuổi|tuoi)(?: and over| old)?| and over| and up)?"
)
_PARTS = re.compile(r"[,;|]")
_LEAST_BARE = 11


def read_words(text: str) -> int | None:
    """Return the age that `text` stands for, of several parts (`,` `;` `|`) the highest.

    None where no part of it is known. At most 512 characters are looked at.
    """
    plain = unicodedata.normalize("NFKC", text[:512]).casefold()
    ages = [_part(" ".join(part.split())) for part in _PARTS.split(plain)]
    return max((age for age in ages if age is not None), default=None)


def read_scheme(scheme: str, word: str) -> int | None:
    """Return the age of a label of a scheme: ("film", "T16") is 16; None where unknown."""
    return SCHEMES.get(scheme.casefold(), {}).get(word.strip().casefold())


def _part(part: str) -> int | None:
    if part in WORDS:
        return WORDS[part]
    scheme, colon, word = part.partition(":")
    if colon and (age := read_scheme(scheme, word)) is not None:
        return age
    if part in ("t13", "t16", "t18"):
        return SCHEMES["film"][part]
    found = _AGE.fullmatch(part)
    return None if found is None else _years(found)


def _years(found: re.Match[str]) -> int | None:
    age = int(found["age"])
    if not found["before"] and not found["after"] and age < _LEAST_BARE:
        return None
    if age > 25:  # no age from which something is suitable: a number of something else
        return None
    return min(age, ADULT)
