"""The short words that go into a block answer (RFC 8914 EXTRA-TEXT), and their codes.

A client may show them to a pupil, so they say whose decision it was and nothing about the pupil.
Kept to about 60 bytes: an answer over UDP has little room.
"""

from collections.abc import Collection, Mapping

from filterd.policy.classes import Origin, RuleClass

BLOCKED = 15  # by the operator's lists
CENSORED = 16  # by an order from outside
FILTERED = 17  # by what was asked for: age, school, schedule
MAX_BYTES = 64

_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "order": "blocked by order: {}",
        "list": "blocked by list: {}",
        "age": "not for this age: {}",
        "illegal": "illegal for everyone: {}",
        "service": "blocked by the school: {}",
        "local": "blocked by the school",
        "bypass": "bypasses the school's filter",
        "canary": "this network filters DNS",
        "rebind": "private address in a public name",
        "default": "not on the allowed list",
        "closed": "blocked at this hour",
    },
    "vi": {
        "order": "chặn theo lệnh: {}",
        "list": "chặn theo danh sách: {}",
        "age": "chưa hợp lứa tuổi: {}",
        "illegal": "cấm với mọi người: {}",
        "service": "nhà trường chặn: {}",
        "local": "nhà trường chặn",
        "bypass": "né tránh bộ lọc của trường",
        "canary": "mạng này có lọc DNS",
        "rebind": "tên miền trỏ vào mạng nội bộ",
        "default": "ngoài danh sách cho phép",
        "closed": "chặn theo giờ",
    },
}


def class_ede(
    rule: RuleClass,
    language: str,
    titles: Mapping[str, str],
    illegal: Collection[str] = (),
) -> tuple[int, str]:
    """Return the EDE code and text for a block by `rule`; (0, "") where it cannot block.

    `language` is "vi" or "en"; `titles` maps categories and services to their names; `illegal`
    are the categories that no age makes right.
    """
    words = _WORDS[language]
    age = words["illegal" if rule.category in illegal else "age"]
    match rule.origin:
        case Origin.ORDER | Origin.LIST if rule.mandatory:
            return CENSORED, _fit(words["order"], rule.note or rule.list)
        case Origin.ORDER | Origin.LIST if rule.category is not None:
            return FILTERED, _fit(age, titles.get(rule.category, rule.category))
        case Origin.LIST if rule.min_age is not None:
            return FILTERED, _fit(words["age"], rule.list)
        case Origin.LIST:
            return BLOCKED, _fit(words["list"], rule.list)
        case Origin.SERVICE if rule.service is not None:
            return FILTERED, _fit(words["service"], titles.get(rule.service, rule.service))
        case Origin.DEMO if rule.category is not None:
            return FILTERED, _fit(age, titles.get(rule.category, rule.category))
        case Origin.LOCAL_BLOCK:
            return FILTERED, words["local"]
        case Origin.BYPASS | Origin.CANARY | Origin.REBIND:
            return FILTERED, words[rule.origin.value]
        case _:
            return 0, ""


def default_text(language: str) -> str:
    """Return the text for an allow-only group's default block."""
    return _WORDS[language]["default"]


def closed_text(language: str) -> str:
    """Return the text for a schedule that blocks everything."""
    return _WORDS[language]["closed"]


def _fit(words: str, name: str) -> str:
    room = MAX_BYTES - len(words.encode()) + 2
    cut = name.encode()[:room].decode(errors="ignore")
    return words.format(cut)
