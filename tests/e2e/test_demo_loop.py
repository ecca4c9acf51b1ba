"""The demonstration of the ministry's loop, on a machine without network: it tells what happened."""

import os
import re
import subprocess
import sys

import pytest

from tests.support.data import ROOT
from tests.support.needs import network_namespace

pytestmark = pytest.mark.real
SCRIPT = """\
ip link set lo up || exit 9
exec "$PYTHON" -m filterd demo --once --keep "$KEPT"
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    network_namespace()
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", SCRIPT],
        capture_output=True,
        text=True,
        timeout=110,
        env=os.environ | {"PYTHON": sys.executable, "KEPT": str(folder / "kept")},
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout


def test_two_officers_sign_and_both_nodes_block(told):
    assert len(re.findall(r"signed by officer [0-9a-f]{16}", told)) == 2
    assert len(re.findall(r"node-\d blocks it \d+ ms after", told)) == 2


def test_receipts_of_both_and_the_report_arrive(told):
    assert len(re.findall(r"node-\d: received \d+ ms .*, seen blocked at its own door", told)) == 2
    assert re.search(r"order:ministry/demo-\d+, ages 6-10: block x \d+, by 1-4 clients", told)


def test_it_ends_by_itself(told):
    assert len(re.findall(r"node-\d answers ordered.demo.test again", told)) == 2
