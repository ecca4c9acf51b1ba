"""`cache`: how much is remembered and for how long (RFC 2308, RFC 8767)."""

from pydantic import Field

from filterd.config.section import Section
from filterd.config.types import ByteSize, Duration, Ttl


class StaleConfig(Section):
    """Answers past their time, while no upstream answers (RFC 8767)."""

    ttl: Ttl = 86_400
    """How long after its end an answer may still be used; 0 turns this off."""
    answer_ttl: Ttl = 30
    """The TTL such an answer is given."""
    wait: Duration = 1.8
    """How long upstream is waited for before the old answer is given."""


class CacheConfig(Section):
    """The cache of answers, shared by all groups."""

    size: ByteSize = 64 * 2**20
    """Memory for answers; 0 turns the cache off."""
    min_ttl: Ttl = 0
    """Answers are kept at least so long."""
    max_ttl: Ttl = 86_400
    """Answers are kept at most so long."""
    negative_ttl: Ttl = 3_600
    """Answers that say "no such name" are kept at most so long (RFC 2308 section 5)."""
    stale: StaleConfig = StaleConfig()
    """Answers past their time, while no upstream answers."""
    prefetch: float = Field(default=0.1, ge=0.0, le=0.9)
    """Renew an answer in use when this fraction of its TTL is left; 0 turns this off."""
