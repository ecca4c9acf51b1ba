"""Runs a command of filterd that looks at sites' age labels at once, not minutes after a visit.

As the `prefix` of `tests.support.node.node`: `python -m tests.support.hurried PYTHON -m filterd ARGUMENTS`.
"""

import sys

from filterd.cli.main import main
from filterd.http.labels import looking

if __name__ == "__main__":
    looking.DELAY = (0.0, 0.1)
    sys.exit(main(sys.argv[4:]))
