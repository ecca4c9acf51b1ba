"""The only door to the compiled core. Everything it offers is documented in `filterd/_core.pyi`."""

from filterd._core import (
    CONTAINER_VERSION,
    Abp,
    Decision,
    Engine,
    HashedUrls,
    Index,
    IndexBuilder,
    Limits,
    Patterns,
    Proxies,
    Skimmed,
    Snapshot,
    canonical_url,
    check_regex,
    public_suffix,
)

__all__ = [
    "CONTAINER_VERSION",
    "Abp",
    "Decision",
    "Engine",
    "HashedUrls",
    "Index",
    "IndexBuilder",
    "Limits",
    "Patterns",
    "Proxies",
    "Skimmed",
    "Snapshot",
    "canonical_url",
    "check_regex",
    "public_suffix",
]
