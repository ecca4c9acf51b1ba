"""Real lists for tests: read where they are, never copied into the project."""

import os
import subprocess
from pathlib import Path

from tests.support.needs import absent, program

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("FILTERD_DATA", ROOT.parent / "shared" / "data"))


def real_list(name: str) -> bytes:
    """Return the uncompressed list `name` ("hagezi/light/adblock"), or skip the test, saying so."""
    paths = [DATA / f"{name}{ending}" for ending in (".txt.zst", ".zst", ".conf.zst")]
    path = next(filter(Path.is_file, paths), None)
    if path is None:
        absent(f"THE REAL LIST {name}", f"have it under {DATA} or set FILTERD_DATA")
    command = [program("zstd", "zstd"), "-dcq", str(path)]
    return subprocess.run(command, check=True, capture_output=True).stdout
