"""The guard's settings and the secrets of cookies, from the configuration."""

import json
import logging
from pathlib import Path

import dns.message
import pytest

from filterd.app.guarding import answered, guard_settings, guarding
from filterd.config.access import LOOPBACK, PRIVATE
from filterd.config.load import default_config, loads
from filterd.model.errors import ConfigError
from tests.support.desk import NOW, PLAIN, Desk

SECRET = "e5e973e5a6b2a43f48e7dc849e37bfcf"


def counting():
    made = []

    def random_bytes(size: int) -> bytes:
        made.append(size)
        return bytes([len(made)] * size)

    return random_bytes


def test_by_default_loopback_and_private_networks_are_answered() -> None:
    assert answered(loads("language: en")) == LOOPBACK + PRIVATE


def test_known_networks_are_answered_unless_they_are_everybody() -> None:
    config = loads(
        "access: {private: false, networks: [198.51.100.0/24]}\n"
        "default_group: small\n"
        "groups:\n"
        "  small: {age: primary, networks: [203.0.113.0/24, 0.0.0.0/0, '::/0', '2001:db8::/32']}\n"
        "clients:\n"
        "  one: {group: small, ids: [192.0.2.71, '02:00:00:00:00:47', 203.0.113.0/24]}\n"
    )
    assert answered(config) == (
        *LOOPBACK,
        "198.51.100.0/24",
        "203.0.113.0/24",
        "2001:db8::/32",
        "192.0.2.71/32",
    )


def test_everybody_is_answered_where_the_configuration_says_so() -> None:
    assert "0.0.0.0/0" in answered(loads("access: {networks: [0.0.0.0/0, '::/0']}"))


def test_proxies_are_answered_themselves() -> None:
    config = loads("listen: {proxies: [203.0.113.2, '2001:db8::/64']}\naccess: {private: false}")
    assert answered(config) == (*LOOPBACK, "203.0.113.2/32", "2001:db8::/64")


def test_the_settings_as_the_core_reads_them() -> None:
    config = loads(
        "access: {private: false, others: drop}\n"
        "limits: {queries: {rate: 50}, responses: {rate: 20, errors: 5, window: 15s}}\n"
        "cookies: {require: true}\n"
    )
    assert json.loads(guard_settings(config)) == {
        "access": {"networks": list(LOOPBACK), "others": "drop"},
        "exempt": ["127.0.0.0/8", "::1/128"],
        "queries": {"rate": 50, "burst": 100, "ipv4_prefix": 32, "ipv6_prefix": 56},
        "responses": {
            "rate": 20,
            "negatives": None,
            "errors": 5,
            "slip": 2,
            "window": 15,
            "ipv4_prefix": 24,
            "ipv6_prefix": 56,
        },
        "cookies": {"enabled": True, "require": True},
    }


def test_the_nodes_own_secret_is_made_once_and_nobody_else_reads_it(tmp_path: Path) -> None:
    state = tmp_path / "state"
    random_bytes = counting()
    first = guarding(default_config(), state, random_bytes)
    assert first.secrets == (bytes([1] * 16),)
    assert (state / "cookie.secret").stat().st_mode & 0o777 == 0o600
    assert guarding(default_config(), state, random_bytes) == first
    assert first.secrets[0].hex() not in repr(first)


@pytest.mark.parametrize("content", ["", "xyz", SECRET[:-2], SECRET + "00", "\xff" * 32])
def test_a_damaged_secret_of_our_own_is_made_anew(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "cookie.secret"
    path.write_text(content, encoding="latin-1")
    with caplog.at_level(logging.WARNING):
        made = guarding(default_config(), tmp_path, counting())
    assert "a new secret is made" in caplog.text
    assert path.read_text() == made.secrets[0].hex() + "\n"


def test_without_a_place_for_it_the_secret_is_kept_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").write_text("a file where a directory should be")
    with caplog.at_level(logging.WARNING):
        made = guarding(default_config(), tmp_path / "state", counting())
    assert len(made.secrets) == 1
    assert "after a restart" in caplog.text


def test_a_link_in_the_place_of_the_secret_is_replaced_and_not_followed(tmp_path: Path) -> None:
    aim = tmp_path / "aim"
    (tmp_path / "cookie.secret.new").symlink_to(aim)
    guarding(default_config(), tmp_path, counting())
    assert not aim.exists()
    assert (tmp_path / "cookie.secret").is_file()


def test_named_secrets_are_read_the_one_in_use_first(tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    new.write_text(SECRET + "\n")
    old.write_text("00" * 16)
    for path in (new, old):
        path.chmod(0o640)
    config = loads(f"cookies: {{secret_file: {new}, older_secret_file: {old}}}")
    secrets = guarding(config, tmp_path / "state", counting()).secrets
    assert secrets == (bytes.fromhex(SECRET), bytes(16))
    assert not (tmp_path / "state").exists()
    config = loads(f"cookies: {{older_secret_file: {old}}}")
    assert guarding(config, tmp_path, counting()).secrets == (bytes([1] * 16), bytes(16))


def test_a_named_secret_that_is_not_there_or_none_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "bad").write_text("secret")
    config = loads(f"cookies: {{secret_file: {tmp_path}/none, older_secret_file: {tmp_path}/bad}}")
    with pytest.raises(ConfigError) as caught:
        guarding(config, tmp_path, counting())
    assert len(caught.value.problems) == 2
    for key in ("cookies.secret_file", "cookies.older_secret_file"):
        assert key in str(caught.value)
    assert "openssl rand -hex 16" in str(caught.value)


def test_a_secret_that_everybody_may_read_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "open"
    path.write_text(SECRET)
    path.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        guarding(loads(f"cookies: {{secret_file: {path}}}"), tmp_path, counting())
    assert "chmod o-r" in caplog.text


def test_without_cookies_there_is_no_secret(tmp_path: Path) -> None:
    assert guarding(loads("cookies: {enabled: false}"), tmp_path, counting()).secrets == ()
    assert not (tmp_path / "cookie.secret").exists()


@pytest.fixture
def code(tmp_path: Path):
    """Return what the core behind its guard answers a client: the rcode, None for silence."""
    desk = Desk(PLAIN + "block: [bad.example]\n")

    def answered_with(text: str, client: str, door: int = 0) -> int | None:
        guard = guarding(loads(text), tmp_path, counting())
        desk.engine.set_guard(guard.settings, guard.secrets)
        query = dns.message.make_query("bad.example", "A").to_wire()
        reply = desk.engine.handle(query, client, NOW, 1000.0, door)
        return None if reply is None else dns.message.from_wire(reply).rcode()

    yield answered_with
    desk.close()


@pytest.mark.parametrize(
    ("text", "client", "expected"),
    [
        ("language: en", "127.0.0.1", 0),
        ("language: en", "192.168.7.9", 0),
        ("language: en", "100.127.255.255", 0),
        ("language: en", "fe80::1", 0),
        ("language: en", "::ffff:10.0.0.1", 0),
        ("language: en", "198.51.100.1", 5),
        ("language: en", "172.32.0.1", 5),
        ("language: en", "2001:db8::1", 5),
        ("access: {others: drop}", "198.51.100.1", None),
        ("access: {private: false}", "192.168.7.9", 5),
        ("access: {private: false}", "::1", 0),
        ("access: {networks: [198.51.100.0/24]}", "198.51.100.1", 0),
        ("access: {networks: ['::/0']}", "198.51.100.1", 5),
        ("access: {networks: [0.0.0.0/0]}", "198.51.100.1", 0),
    ],
)
def test_the_core_answers_whom_the_configuration_names(code, text, client, expected) -> None:
    assert code(text, client) == expected
    assert code(text, client, 1) == expected


@pytest.mark.parametrize(
    "text",
    [
        "limits: {queries: {rate: 100000, burst: 60000000, ipv4_prefix: 1, ipv6_prefix: 1}}",
        "limits: {queries: {rate: 100000}}",
        "limits: {queries: {rate: 1, burst: 600, ipv6_prefix: 128}}",
        "limits: {responses: {rate: 100000, negatives: 100000, errors: 0, slip: 10, window: 10m}}",
        "limits: {responses: {rate: 1, window: 0s, slip: 0, ipv4_prefix: 32, ipv6_prefix: 128}}",
        "limits: {exempt: [0.0.0.0/0, '::/0']}",
        "cookies: {enabled: false, require: true}",
    ],
)
def test_the_core_takes_whatever_the_configuration_may_say(code, text) -> None:
    assert code(text, "192.168.7.9") == 0
