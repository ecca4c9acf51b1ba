"""A script on a machine without network: a network namespace of its own, where only loopback is."""

import os
import subprocess
import sys

from tests.support.data import ROOT
from tests.support.needs import network_namespace


def run_alone(script, seconds, **environ):
    """Run a shell script, for at most so long; $PYTHON is the interpreter of the tests."""
    network_namespace()
    return subprocess.run(
        ["unshare", "-n", "sh", "-c", f"ip link set lo up || exit 9\n{script}"],
        capture_output=True,
        text=True,
        timeout=seconds,
        env=os.environ | {"PYTHON": sys.executable} | environ,
        cwd=ROOT,
        check=False,
    )
