"""Writes the dashboards, in Vietnamese and English: `python -m deploy.grafana.generate [--check]`.

Exit status 0: written, or with --check up to date; 1: with --check, a file is out of date.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.grafana import isp, ministry, school
from deploy.grafana.board import LANGUAGES
from deploy.grafana.render import dashboard

BOARDS = (school.BOARD, isp.BOARD, ministry.BOARD)
FOLDER = Path(__file__).parent / "dashboards"


def files() -> dict[Path, str]:
    """Return each file, below `FOLDER`, with its text."""
    return {
        Path(language) / f"{board.uid}.json": json.dumps(
            dashboard(board, language), ensure_ascii=False, indent=1
        )
        + "\n"
        for language in LANGUAGES
        for board in BOARDS
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the files."""
    parser = argparse.ArgumentParser(description="Write the dashboards that Grafana reads.")
    parser.add_argument("--check", action="store_true", help="write nothing, say what differs")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where they lie")
    options = parser.parse_args(arguments)
    stale = 0
    for name, text in files().items():
        path = options.folder / name
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        if options.check:
            stale += 1
            sys.stderr.write(f"{path} is stale: run python -m deploy.grafana.generate\n")
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
