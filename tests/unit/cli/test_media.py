import csv
import hashlib
import io
import json
import os

import pytest

from filterd.http.media.handoff import HandOffs
from filterd.http.media.hashset import HashSet, Kind
from filterd.http.media.head import Severity
from filterd.http.media.sets import Hit
from filterd.http.media.specimen import SHA256
from filterd.model.handoff import FILE, Distance

NOW = 1_793_800_000
HIT = Hit("national", "e-17", 7, Severity.ILLEGAL, Kind.SHA256, Distance.EXACT, block=True)
ONE = hashlib.sha256(b"1").hexdigest()


@pytest.fixture
def spool(tmp_path):
    return HandOffs(tmp_path / "state" / "http" / "handoffs", "node-1", os.urandom)


def test_the_test_image_and_its_set_prove_that_scanning_works(run, tmp_path):
    image, made = tmp_path / "t.png", tmp_path / "t.set"
    assert run("media", "test-image", str(image)) == (0, "", "")
    assert run("media", "test-set", str(made)) == (0, "", "")
    digest = hashlib.sha256(image.read_bytes())
    assert digest.hexdigest() == SHA256
    assert HashSet(made).find(Kind.SHA256, digest.digest()).entry == "filterd-test"


def test_a_list_is_imported_what_is_bad_is_told_and_the_test_image_is_in_it(run, tmp_path):
    rows, made = tmp_path / "rows.csv", tmp_path / "a.set"
    rows.write_text(f"id,sha256,source\na,{ONE},x\nb,none,x\n")
    words = ["--id", "national", "--source", "mps", "--epoch", "7", "--at", "2026-11-01"]
    code, out, err = run("media", "import", str(rows), "-o", str(made), *words)
    assert (code, out) == (1, f"{made}: 1 rows taken, 1 set aside\n")
    assert "row 2 set aside: sha256: not 64 hexadecimal digits" in err
    assert made.stat().st_mode & 0o777 == 0o600
    told = run.json("media", "show", str(made), "--json")
    assert (told["id"], told["source"], told["epoch"], told["severity"]) == (
        "national",
        "mps",
        7,
        "illegal",
    )
    assert told["expires"] - told["issued"] == 30 * 86_400
    assert told["sizes"] == {"pdq": 1, "sha256": 2, "md5": 1, "entries": 2, "revoked": 0}
    assert HashSet(made).find(Kind.SHA256, bytes.fromhex(SHA256)).confirmed
    code, out, _ = run("media", "show", str(made))
    assert code == 0
    assert "national, epoch 7, of mps, illegal" in out


def test_what_is_no_set_is_one_line(run, tmp_path):
    path = tmp_path / "a.set"
    path.write_bytes(b"no set" * 50)
    code, _, err = run("media", "show", str(path))
    assert code == 2
    assert "no hash set" in err
    assert run("media", "show", str(tmp_path / "none"))[0] == 2
    rows = tmp_path / "rows.json"
    rows.write_text("{}")
    words = ["--id", "a b", "--source", "mps", "--epoch", "7"]
    code, _, err = run("media", "import", str(rows), "-o", str(path), *words)
    assert code == 2
    assert "id and source are words" in err
    assert path.read_bytes() == b"no set" * 50


def test_hand_offs_are_listed_and_exported(run, config, spool, tmp_path):
    assert run("handoff", "list", "-c", config) == (0, "nothing was handed off\n", "")
    first = spool.write(HIT, "a.example", NOW)
    second = spool.write(HIT, "b.example", NOW + 86_400)
    code, out, _ = run("handoff", "list", "-c", config)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[1:]] == [first, second]
    code, out, _ = run("handoff", "list", "-c", config, "--json", "--from", str(NOW + 1000))
    (one,) = map(json.loads, out.splitlines())
    assert (one["reference"], one["host"], one["entry"]) == (second, "b.example", "e-17")
    aim = tmp_path / "out.csv"
    assert run("handoff", "export", "-c", config, "-o", str(aim)) == (0, "", "")
    assert aim.stat().st_mode & 0o777 == 0o600
    exported = list(csv.DictReader(io.StringIO(aim.read_text())))
    assert [each["reference"] for each in exported] == [first, second]
    _, out, _ = run("handoff", "export", "-c", config, "--json")
    assert len(out.splitlines()) == 2


def test_damaged_lines_are_told(run, config, spool, tmp_path):
    spool.write(HIT, "a.example", NOW)
    path = tmp_path / "state" / "http" / "handoffs" / FILE
    path.write_bytes(path.read_bytes() + b"half a li")
    code, out, err = run("handoff", "list", "-c", config)
    assert code == 1
    assert "a.example" in out
    assert "1 lines of the spool are damaged" in err


def test_old_hand_offs_expire(run, config, spool):
    spool.write(HIT, "a.example", NOW)
    spool.write(HIT, "b.example", NOW + 86_400)
    assert run("handoff", "expire", "-c", config, "--before", str(NOW + 400))[:2] == (
        0,
        "removed 1\n",
    )
    assert "b.example" in run("handoff", "list", "-c", config)[1]
    assert "a.example" not in run("handoff", "list", "-c", config)[1]
