"""The demonstration on a machine without network: the lines it prints do what they promise."""

import re
import subprocess
import sys

import pytest

from tests.support.alone import run_alone
from tests.support.data import ROOT
from tests.support.dnsclient import run_dig

pytestmark = pytest.mark.real
SCRIPT = """\
"$PYTHON" -m filterd serve --demo > "$OUT" 2>&1 &
pid=$!
for _ in $(seq 300); do grep -q "reserved address" "$OUT" && break; sleep 0.1; done
"$PYTHON" -c 'import sys; from tests.e2e.test_demo import check; check(open(sys.argv[1]).read())' "$OUT"
code=$?
kill -TERM $pid; wait $pid; echo "serve ended with $?" >> "$OUT"
exit $code
"""


def test_the_printed_lines_under_no_network(tmp_path):
    out, state = str(tmp_path / "out"), str(tmp_path / "state")
    done = run_alone(SCRIPT, 100, OUT=out, XDG_STATE_HOME=state, FILTERD_CONFIG="")
    printed = (tmp_path / "out").read_text()
    assert done.returncode == 0, done.stdout + done.stderr + printed
    assert "serve ended with 0" in printed
    assert "Traceback" not in printed


def commands(printed, word):
    return [line.strip() for line in printed.splitlines() if line.strip().startswith(word)]


def dig_lines(printed):
    """Return what is promised above each printed dig line, and the line."""
    promise, found = "", []
    for line in printed.splitlines():
        if line.startswith("    dig "):
            found.append((promise, line.split()))
        elif line.endswith(":"):
            promise = line.strip()
    return found


def check(printed):
    """Run every line that was printed; called inside the network namespace."""
    promised = dig_lines(printed)
    assert len(promised) == 4
    blocked, allowed, pupil, staff = [(promise, run_dig(line)) for promise, line in promised]
    assert blocked[0].startswith("blocked for everyone")
    assert blocked[1].data() == ["0.0.0.0"]
    assert blocked[1].ede == 17
    assert allowed[0] == "allowed:"
    assert re.fullmatch(r"192\.0\.2\.\d+", allowed[1].data()[0])
    assert pupil[0] == staff[0]
    assert pupil[0].startswith("blocked for grade 3, allowed for staff")
    assert pupil[1].data() == ["0.0.0.0"]
    assert re.fullmatch(r"192\.0\.2\.\d+", staff[1].data()[0])
    program = f"{sys.executable} -m filterd"
    for line in commands(printed, ".venv/bin/filterd") + commands(printed, "curl"):
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", line.replace(".venv/bin/filterd", program)],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        assert done.returncode == 0, line + done.stderr
        assert done.stdout.strip(), line
    other = re.search(r"try (\S+)\)", printed)[1]
    port = promised[0][1][promised[0][1].index("-p") + 1]
    assert run_dig(["dig", "@127.0.0.1", "-p", port, other]).data()
