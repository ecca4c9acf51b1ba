"""Limits and cookies, as the configuration says them."""

from pathlib import Path

import pytest

from filterd.config.load import default_config, load, loads
from filterd.model.errors import ConfigError
from filterd.policy.rulebook import default_directory, load_rulebook


def test_by_default_rates_are_off_and_cookies_on() -> None:
    config = default_config()
    assert config.limits.queries.rate == 0
    assert config.limits.responses.rate == 0
    assert config.limits.exempt == ("127.0.0.0/8", "::1/128")
    assert (config.cookies.enabled, config.cookies.require) == (True, False)


def test_limits_are_read() -> None:
    limits = loads(
        "limits:\n"
        "  queries: {rate: 100, burst: 500, ipv6_prefix: 64}\n"
        "  responses: {rate: 20, negatives: 5, errors: 0, slip: 1, window: 1m}\n"
        "  exempt: []\n"
    ).limits
    assert (limits.queries.rate, limits.queries.burst, limits.queries.ipv6_prefix) == (100, 500, 64)
    responses = limits.responses
    assert (responses.rate, responses.negatives, responses.errors) == (20, 5, 0)
    assert (responses.slip, responses.window, limits.exempt) == (1, 60, ())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("limits: {queries: {rate: -1}}", "limits.queries.rate"),
        ("limits: {queries: {rate: 100001}}", "limits.queries.rate"),
        ("limits: {queries: {rate: 1, burst: 601}}", "600 seconds"),
        ("limits: {queries: {ipv4_prefix: 33}}", "limits.queries.ipv4_prefix"),
        ("limits: {responses: {slip: 11}}", "limits.responses.slip"),
        ("limits: {responses: {window: 11m}}", "window is above 10 minutes"),
        ("limits: {exempt: [everybody]}", "limits.exempt[0]"),
        ("cookies: {secret: abc}", "cookies.secret"),
    ],
)
def test_mistakes_are_told_with_their_place(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loads(text)
    assert words in str(caught.value)


def test_secret_files_are_looked_for_beside_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("cookies: {secret_file: c.secret, older_secret_file: /keys/old}\n")
    cookies = load(path, book=load_rulebook(default_directory())).cookies
    assert cookies.secret_file == tmp_path / "c.secret"
    assert cookies.older_secret_file == Path("/keys/old")
