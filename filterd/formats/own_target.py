"""A rewrite never sends a name to itself: the rule leaves its own target alone.

`||example.com^` rewritten to `safe.example.com` covers its target, and a CNAME to itself is a loop
(RFC 1034 section 3.6.2). AdGuard and BIND let such a question go on; so does a rule here, and it
leaves what is below the target alone too.
"""

from dataclasses import replace

from filterd.model.name import parents
from filterd.model.rule import Condition, NamePattern, Pattern, RegexPattern, Rewrite, Scope


def spare_target(pattern: Pattern, condition: Condition, rewrite: Rewrite | None) -> Condition:
    """Return `condition`, with the target of `rewrite` excepted where `pattern` may cover it."""
    target = None if rewrite is None else rewrite.cname
    if target is None or not _may_cover(pattern, target):
        return condition
    return replace(condition, denyallow=condition.denyallow | {target})


def _may_cover(pattern: Pattern, name: str) -> bool:
    if isinstance(pattern, RegexPattern):
        return True
    if not isinstance(pattern, NamePattern):
        return False
    if pattern.scope is Scope.EXACT:
        return pattern.name == name
    return not pattern.name or pattern.name in parents(name)
