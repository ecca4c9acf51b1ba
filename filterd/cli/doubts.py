"""What may well be a slip of the pen: told on stderr, refused by nobody."""

import difflib
import sys
from collections.abc import Iterable

from filterd.cli.base import paint, printable
from filterd.policy.rulebook import default_directory, load_rulebook


def doubt_categories(words: Iterable[str]) -> None:
    """Say which categories the rule book does not have. An authority may mean them all the same."""
    known = [each.name for each in load_rulebook(default_directory()).categories]
    for word in words:
        if word in known:
            continue
        near = difflib.get_close_matches(word, known, 1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        warn(f"the rule book has no category {word!r}{meant}")


def warn(text: str) -> None:
    """Say on stderr what somebody should look at."""
    print(f"{paint('look', 'yellow', sys.stderr)}: {printable(text)}", file=sys.stderr)
