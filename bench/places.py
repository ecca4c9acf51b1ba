"""Where the bench reads and writes, and on which cores. All it makes lies under `build/bench`."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NATIVE = ROOT / "bench" / "native"
RESULTS = ROOT / "bench" / "results"
README = ROOT / "bench" / "README.md"
BUILD = ROOT / "build" / "bench"
DATA = Path(os.environ.get("FILTERD_DATA", ROOT.parent / "shared" / "data"))

LOOPBACK = "127.0.0.1"

_CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE = _CORES[0]
LOAD_CORE = _CORES[-1]  # generator and upstream
SECOND_CORE = _CORES[1 % len(_CORES)]  # of a second worker; the generator's own on two cores
