"""The passphrase of the log's key: from a file that only its owner reads, or from systemd."""

import time

import pytest

from filterd.cli.demo_world import make_world
from filterd.config.hub import LogKeyConfig
from filterd.feed.keys import public_key
from filterd.feed.standing import read_standing
from filterd.hub.keeper import open_keeper
from filterd.model.errors import ConfigError


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"), int(time.time()))


def log(world, **more):
    return LogKeyConfig.model_validate({"key": str(world.log_key), **more})


def test_a_credential_is_taken_as_systemd_hands_it_over(world, tmp_path):
    file = tmp_path / "log-passphrase"
    file.write_text(world.passphrase.read_text())
    # On a file system with ACLs the account's right to read shows as the group's.
    file.chmod(0o440)
    signer = open_keeper(world.feed, log(world), {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert public_key(signer) == read_standing(world.feed).policy.log.key


def test_a_file_that_others_may_read_is_refused(world, tmp_path):
    file = tmp_path / "word"
    file.write_text(world.passphrase.read_text())
    file.chmod(0o440)
    with pytest.raises(ConfigError, match=r"others may read it; chmod 600"):
        open_keeper(world.feed, log(world, passphrase_file=str(file)), {})


def test_without_either_it_says_what_to_do(world, tmp_path):
    with pytest.raises(ConfigError, match="credential log-passphrase"):
        open_keeper(world.feed, log(world), {})
    with pytest.raises(ConfigError, match="No such file"):
        open_keeper(world.feed, log(world), {"CREDENTIALS_DIRECTORY": str(tmp_path)})
