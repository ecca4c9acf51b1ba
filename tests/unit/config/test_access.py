"""Who is answered, as the configuration says it."""

import pytest

from filterd.config.load import default_config, loads
from filterd.model.errors import ConfigError


def test_by_default_private_networks_and_nobody_else() -> None:
    access = default_config().access
    assert (access.private, access.networks, access.others) == (True, (), "refuse")


def test_networks_are_read_and_others_may_be_dropped() -> None:
    access = loads(
        "access: {networks: [198.51.100.0/24, '2001:DB8::1'], others: drop, private: false}"
    ).access
    assert access.networks == ("198.51.100.0/24", "2001:db8::1/128")
    assert (access.private, access.others) == (False, "drop")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("access: {networks: [198.51.100.7/24]}", "access.networks[0]"),
        ("access: {others: ignore}", "refuse"),
        ("access: {allow: []}", "access.allow"),
        ("listen: {proxies: [proxy.example]}", "listen.proxies[0]"),
        ("listen: {drain: 61s}", "listen.drain"),
    ],
)
def test_mistakes_are_told_with_their_place(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loads(text)
    assert words in str(caught.value)
