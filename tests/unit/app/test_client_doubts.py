"""What `filterd check` says of how clients are known."""

import json

import pytest

from filterd.app.client_doubts import client_doubts
from filterd.config.load import loads
from tests.support.node import filterd

GROUPS = {"young": {"age": 6}, "old": {"age": 16}}
KNOWN = {"dnsmasq": ["/leases"], "radius": {
    "listen": ["127.0.0.1:1813"],
    "nas": {"ap": {"address": "127.0.0.1", "secret_file": "/secret"}},
}}  # fmt: skip


def doubts(known: str, group: str = "old", who: dict | None = None, language: str = "en"):
    config = loads(
        json.dumps(
            {
                "language": language,
                "default_group": "young",
                "groups": GROUPS,
                "clients": {"it": {"group": group, "ids": [known]}},
                "who": KNOWN if who is None else who,
            }
        )
    )
    return [text for _, text in client_doubts(config, {"young": 6, "old": 16})]


def test_a_randomised_address() -> None:
    (text,) = doubts("DA:A1:19:00:53:07")
    assert "da:a1:19:00:53:07 looks like a randomised address" in text
    (text,) = doubts("da:a1:19:00:53:07", language="vi")
    assert "ngẫu nhiên" in text


def test_a_host_name_is_no_proof() -> None:
    (text,) = doubts("host:staff-laptop")
    assert "calls itself" in text
    assert doubts("host:staff-laptop", group="young") == []


@pytest.mark.parametrize("language", ["en", "vi"])
def test_a_user_name_may_be_the_outer_one_of_eap(language: str) -> None:
    (text,) = doubts("user:head", language=language)
    assert "user:head: " in text
    assert "outer identity" in text
    assert "class:" in text
    assert doubts("user:head", group="young", language=language) == []
    assert doubts("class:8b", language=language) == []


@pytest.mark.parametrize("known", ["user:alice", "class:8b", "host:pc7", "00:00:5e:00:53:07"])
def test_nobody_looks_it_up(known: str) -> None:
    assert doubts(known, group="young") == []
    (text,) = doubts(known, group="young", who={"neighbours": False})
    assert "no source" in text


def test_what_needs_no_thought() -> None:
    assert doubts("192.0.2.7", who={"neighbours": False}) == []
    assert doubts("00:00:5e:00:53:07") == []


def test_check_shows_it(tmp_path) -> None:
    file = tmp_path / "school.yaml"
    file.write_text(
        "language: en\ndefault_group: young\ngroups: {young: {age: 6}}\n"
        "clients: {phone: {group: young, ids: ['da:a1:19:00:53:07']}}\n"
    )
    done = filterd("check", "-c", str(file))
    assert done.returncode == 0, done.stderr
    assert "client phone: da:a1:19:00:53:07 looks like a randomised address" in done.stdout
    (warning,) = json.loads(filterd("check", "-c", str(file), "--json").stdout)["warnings"]
    assert warning.startswith("clients.phone: ")
