"""nft(8) run: text checked, put in force, listed. Nothing else of this package runs
anything.
"""

import json
import shutil
import subprocess
from typing import Any

from filterd.gateway.plan import FAMILY, TABLE
from filterd.model.errors import FilterdError

PROGRAM, SBIN = "nft", "/usr/sbin:/sbin"
SECONDS = 30.0
_SHOWN = 6  # lines of what nft complains of


class GatewayError(FilterdError):
    """nftables is not there, may not be changed, or says no; the message says what to do."""


def check(text: str) -> None:
    """Have the kernel try `text` without doing it. GatewayError."""
    _run("-c", "-f", "-", text=text)


def put(text: str) -> None:
    """Put `text` in force, all of it or nothing. GatewayError."""
    _run("-f", "-", text=text)


def listed(*, elements: bool = True) -> list[dict[str, Any]] | None:
    """Return our table as nft's JSON has it (libnftables-json(5)); None where there is none.
    Without `elements` sets come empty, however much they hold.

    Raises:
        GatewayError: nft cannot be run or may not look.
    """
    tables = json.loads(_run("-j", "list", "tables"))["nftables"]
    ours = (FAMILY, TABLE)
    if not any((t["family"], t["name"]) == ours for t in (e.get("table") for e in tables) if t):
        return None
    # Between the two calls it may be gone; then nft's own words are right.
    how = ("-j",) if elements else ("-j", "-t")
    found: list[dict[str, Any]] = json.loads(_run(*how, "list", "table", *ours))["nftables"]
    return found


def _run(*words: str, text: str | None = None) -> str:
    program = shutil.which(PROGRAM) or shutil.which(PROGRAM, path=SBIN)
    if program is None:
        raise GatewayError("nft is not installed; `apt-get install nftables`")
    try:
        done = subprocess.run(  # noqa: S603 - the system's own, nothing through a shell
            [program, *words], input=text, capture_output=True, text=True, timeout=SECONDS,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise GatewayError(f"nft has not ended in {SECONDS:.0f} seconds; try again") from error
    if done.returncode == 0:
        return done.stdout
    said = "\n".join(done.stderr.strip().splitlines()[:_SHOWN])
    if "not permitted" in said or "Permission denied" in said:
        raise GatewayError(
            "not allowed to look at or change the firewall; run it as root (CAP_NET_ADMIN)"
        )
    raise GatewayError(f"nftables refuses it, nothing was changed: {said}")
