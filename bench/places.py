"""Where the bench reads and writes. All it makes lies under `build/bench`; results are kept."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NATIVE = ROOT / "bench" / "native"
RESULTS = ROOT / "bench" / "results"
README = ROOT / "bench" / "README.md"
BUILD = ROOT / "build" / "bench"
DATA = Path(os.environ.get("FILTERD_DATA", ROOT.parent / "shared" / "data"))

LOOPBACK = "127.0.0.1"
SERVER_CORE = 0
LOAD_CORE = 1  # generator and upstream
