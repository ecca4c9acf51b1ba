"""Lists of rules in ABP syntax on their way from disk to the file that the HTTP filter opens.

What became of their lines is told in the words of the core
(`rust/crates/filterd-abp/src/lines.rs`); what makes no sense in its own syntax has
the codes of all formats, so that the gate can judge it.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filterd.core import Abp
from filterd.formats.refusals import Code
from filterd.lists.shelf import Caught, Summary
from filterd.model.errors import RulesError
from filterd.model.group import ListSpec
from filterd.policy.abp_rules import FORMAT, AbpReport, AbpRules, compile_abp

COMPILER = 2  # counts up when the same lists would compile to another file
COSMETIC = str(Code.COSMETIC_RULE)
_MALFORMED = {"syntax": Code.BAD_SYNTAX, "long": Code.TOO_LONG, "not-utf8": Code.BAD_ENCODING}
_SAMPLE_LINES = 500
# Every text is a pattern in this syntax; these have a mark of it, which a page or a log has not.
_LIKE = re.compile(r"@@|\|\|?\S|[/.\-_&?=*^:]\S*$|\S+\$[\w~]|\S*#[@?$%]*#")


def inspect_abp(spec: ListSpec, data: bytes, names: Sequence[str]) -> Summary:
    """Read all of a list and try the front pages of `names` against it.

    Raises:
        RulesError: more than the matcher takes.
    """
    rules = _compiled([(spec, data)])
    (report,) = rules.reports()
    return Summary(
        format=FORMAT,
        accepted=report.rules,
        comments=report.comments,
        refused=refused(report),
        likeness=_likeness(data),
        caught=tuple(hit for name in names if (hit := _caught(rules.abp, name)) is not None),
    )


def compile_file(sources: Sequence[tuple[ListSpec, bytes]], target: Path) -> list[dict[str, Any]]:
    """Compile lists into one file and return what became of the lines of each.

    Raises:
        RulesError: more than the matcher takes.
        OSError: the file cannot be written.
    """
    rules = _compiled(sources)
    rules.abp.save(str(target))
    return [
        {
            "name": report.name,
            "format": FORMAT,
            "accepted": report.rules,
            "comments": report.comments,
            "refused": refused(report),
        }
        for report in rules.reports()
    ]


def refused(report: AbpReport) -> tuple[tuple[str, int], ...]:
    """Return how many lines were not kept, by word, most frequent first."""
    counts = {str(_MALFORMED.get(word, word)): count for word, count in report.unsupported}
    if report.cosmetic:
        counts[COSMETIC] = report.cosmetic
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _compiled(sources: Sequence[tuple[ListSpec, bytes]]) -> AbpRules:
    try:
        return compile_abp(sources)
    except ValueError as error:
        raise RulesError(f"lists of format {FORMAT}: {error}") from error
    except RuntimeError as error:
        raise RulesError(f"lists of format {FORMAT}: the matcher failed: {error}") from error


def _likeness(data: bytes) -> float:
    lines: list[str] = []
    for raw in data.splitlines():
        text = raw.strip()
        if text and not text.startswith((b"!", b"[")):
            lines.append(text.decode("utf-8", "replace"))
        if len(lines) == _SAMPLE_LINES:
            break
    return sum(_LIKE.match(line) is not None for line in lines) / len(lines) if lines else 0.0


def _caught(abp: Abp, name: str) -> Caught | None:
    """Say whether a list blocks a site as such: its front page, or anything of it on itself."""
    url = f"https://{name}/"
    for kind, source in (("document", None), ("script", url)):
        found = abp.check(url, source, kind)
        if found is not None and found[2] != "exception":
            return Caught(name, found[1])
    return None
