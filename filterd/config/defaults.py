"""The demonstration that runs without a file: a client address for each school age.

`dig -b 127.0.0.3` asks as grade 3, `dig -b 127.0.0.18` as staff.
"""

from typing import Any

DEMO: dict[str, Any] = {
    "groups": {
        "preschool": {"age": "preschool", "networks": ("127.0.0.2/32",), "youtube": "strict"},
        "primary": {"age": "primary", "youtube": "strict"},
        "grade-3": {"grade": 3, "networks": ("127.0.0.3/32",), "youtube": "strict"},
        "grades-6-7": {"age": "grades-6-7", "networks": ("127.0.0.6/32",)},
        "grades-8-9": {"age": "grades-8-9", "networks": ("127.0.0.8/32",)},
        "grades-10-12": {"age": "grades-10-12", "networks": ("127.0.0.10/32",)},
        "staff": {
            "age": "staff",
            "networks": ("127.0.0.18/32",),
            "safe_search": False,
            "youtube": "off",
            "bypass_protection": False,
        },
    },
}
