"""The role for Ansible: what it makes of a school that has changed its files, and of a node's lists."""

import re
import shlex
import subprocess
import sys

import pytest
import yaml

from filterd.setup.words import SAID
from tests.support.data import ROOT

TASKS = yaml.safe_load((ROOT / "deploy/ansible/roles/filterd/tasks/main.yml").read_text())


def tasks(found=TASKS):
    for each in found:
        yield each
        yield from tasks([*each.get("block", ()), *each.get("rescue", ())])


def named(name):
    return next(each for each in tasks() if each["name"] == name)


@pytest.fixture
def validated(tmp_path):
    """Validate a configuration, as the module copy has it done: a copy elsewhere, and no shell."""
    program = tmp_path / "filterd"

    def go(text, script=f'exec {sys.executable} -m filterd "$@"'):
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        copy = tmp_path / "copy of it"
        copy.write_text(text)
        words = named("The configuration is one that filterd takes")["ansible.builtin.copy"]
        done = subprocess.run(
            shlex.split(words["validate"] % shlex.quote(str(copy))), cwd=ROOT, timeout=30,
            capture_output=True, check=False, env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        )  # fmt: skip
        return done.returncode == 0

    return go


def test_lists_beside_the_configuration_are_not_beside_its_copy(validated):
    assert validated("lists: {own: {path: own.txt, format: domains}}\n")
    assert validated("language: en\n")


def test_what_cannot_be_used_is_not_taken(validated):
    assert not validated("no_such_key: 1\n")
    assert not validated("language: en\n", "exit 1")


def test_it_knows_a_change_from_what_was_left():
    condition = named("Setup changes it")["changed_when"]
    change = re.compile(re.search(r"search\('(.*)'\)", condition)[1])
    for key in ("new", "change", "remove", "account"):
        assert change.search("first\n" + SAID["en"][key].format(path="/x", account="y"))
    for key in ("edited", "kept", "started", "next", "lists"):
        said = SAID["en"][key].format(path="/x", units="y", config="z")
        assert not change.search(f"first\n{said}\n  +new  line\n")


def test_both_packages_come_at_once_before_setup():
    names = [each["name"] for each in tasks()]
    assert names.index("Both packages are installed") < names.index("What would setup change?")
    words = named("Both packages are installed")["ansible.builtin.command"]["argv"]
    assert [word for word in words if word.endswith(".deb")] == [
        "/var/cache/filterd.deb", "/var/cache/filterd-http.deb",
    ]  # fmt: skip
