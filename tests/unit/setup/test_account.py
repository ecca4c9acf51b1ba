"""The account for daily work: its password stands on no command line, in no file and in no message."""

import pytest

from filterd.config.setup import SetupConfig
from filterd.config.whole import read_whole
from filterd.model.errors import ConfigError
from filterd.setup.account import ACCOUNT, Password, commands, hash_in
from filterd.setup.configuration import answers_text
from filterd.setup.files import files

HASH = "$y$j9T$ab0/" + "x" * 43
BOX = "addresses: [10.20.0.1/16]\ngateway: false\n"


@pytest.mark.parametrize("there", [False, True])
def test_it_is_in_the_group_of_the_daemon_and_in_no_other(there):
    (make, nothing), (put, given) = commands(Password("correct horse"), there=there)
    assert make[0] == ("usermod" if there else "useradd")
    assert make[make.index("--groups") + 1] == "filterd"
    assert (make[-1], nothing) == (ACCOUNT, "")
    assert (put, given) == (("chpasswd",), f"{ACCOUNT}:correct horse\n")
    assert not any("horse" in word for word in (*make, *put))


def test_a_hash_is_given_as_one():
    _, (put, given) = commands(Password(HASH, hashed=True), there=True)
    assert (put, given) == (("chpasswd", "--encrypted"), f"{ACCOUNT}:{HASH}\n")


def test_the_hash_of_the_answers_is_written_into_no_file():
    answers = read_whole(SetupConfig, f"{BOX}admin_password: {HASH}\n".encode())
    assert answers.admin_password == HASH
    assert HASH not in answers_text(answers)
    assert not any(HASH in (each.content or "") for each in files(answers))
    assert HASH not in repr(answers)


@pytest.mark.parametrize(
    "value", ["correct horse", "$1$short", f"{HASH}:0:0", f'"{HASH}\\n"', "x" * 60, "12", "''"]
)
def test_what_is_no_hash_is_refused_and_not_repeated(value):
    with pytest.raises(ConfigError) as caught:
        read_whole(SetupConfig, f"{BOX}admin_password: {value}\n".encode())
    (problem,) = caught.value.problems
    assert "mkpasswd" in problem
    assert value.strip("'\"").partition(":")[0] not in problem or value == "''"


def test_its_hash_in_what_debian_keeps():
    shadow = f"root:*:1::\n{ACCOUNT}:{HASH}:19000:0:99999:7:::\n"
    assert hash_in(shadow) == HASH
    assert hash_in("root:*:1::\n") is None
