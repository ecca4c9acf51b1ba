"""The command line in this process: as `node.filterd`, without a start of Python for each command.

Only for commands that end by themselves and whose being a process is not what is tested.
"""

import io
import os
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from unittest import mock

from filterd.cli.main import main


def command(*arguments, environ=None):
    """Run it to its end."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), mock.patch.dict(os.environ, environ or {}):
        try:
            code = main(arguments)
        except SystemExit as ended:  # argparse
            code = ended.code
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())
