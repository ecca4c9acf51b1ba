"""The demonstration of the ministry's loop, on a machine without network: it tells what happened."""

import re

import pytest

from tests.support.alone import run_alone

pytestmark = pytest.mark.real
SCRIPT = 'exec "$PYTHON" -m filterd demo --once --keep "$KEPT"'


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    done = run_alone(SCRIPT, 110, KEPT=str(folder / "kept"))
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
