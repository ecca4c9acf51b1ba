"""Real lists for tests: read where they are, never copied into the project."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("FILTERD_DATA", ROOT.parent / "shared" / "data"))


def real_list(name: str) -> bytes:
    """Return the uncompressed list `name` ("hagezi/light/adblock"), or skip the test, saying so."""
    for ending in (".txt.zst", ".zst", ".conf.zst", ""):
        path = DATA / f"{name}{ending}"
        if path.is_file() and ending:
            return subprocess.run(
                ["zstd", "-dcq", str(path)], check=True, capture_output=True
            ).stdout
    pytest.skip(f"REAL LISTS ABSENT: {name} is not under {DATA}; set FILTERD_DATA to run this test")
