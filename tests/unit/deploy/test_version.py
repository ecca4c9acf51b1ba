"""The version of the packages: every commit's is newer to apt than those before it."""

import os
import re
import shutil
import subprocess
from itertools import pairwise

import pytest

from filterd import __version__
from tests.support.data import ROOT
from tests.support.needs import program

NAMES = {
    f"GIT_{who}_{what}": "x@school.example"
    for who in ("AUTHOR", "COMMITTER")
    for what in ("NAME", "EMAIL")
}


@pytest.fixture
def tree(tmp_path):
    """A tree of files with what the version is made of."""
    for path in ("deploy/debian/version.sh", "filterd/__init__.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    return tmp_path


def version(tree):
    done = subprocess.run(
        [tree / "deploy/debian/version.sh"], capture_output=True, text=True, check=True
    )
    return done.stdout.removesuffix("\n")


def git(tree, *words, at=""):
    nobody = {"HOME": str(tree), "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ["PATH"]}
    when = {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at} if at else {}
    subprocess.run(
        [program("git", "git"), *words], cwd=tree, check=True, capture_output=True,
        env=nobody | NAMES | when,
    )  # fmt: skip


def test_without_a_repository_it_is_filterd_s_own(tree):
    assert version(tree) == __version__
    (tree / ".git").mkdir()  # what git does not take
    assert version(tree) == __version__


def test_a_later_commit_is_a_newer_version(tree):
    git(tree, "init", "--quiet")
    found = [__version__]
    for at in ("2026-11-23T00:30:00+07:00", "2026-11-22T18:30:01+00:00"):
        git(tree, "commit", "--quiet", "--allow-empty", "--message", "x", at=at)
        found.append(version(tree))
        assert version(tree) == found[-1]
    assert re.fullmatch(re.escape(__version__) + r"\+git20261122173000\.[0-9a-f]{12}", found[1])
    assert "+git20261122183001." in found[2]
    found.append(re.sub(r"\d+$", lambda last: str(int(last[0]) + 1), __version__))
    dpkg = program("dpkg", "dpkg")
    for older, newer in pairwise(found):
        subprocess.run([dpkg, "--compare-versions", older, "lt", newer], check=True)
