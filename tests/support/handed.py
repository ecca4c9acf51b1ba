"""Rules as a worker has them: a configuration, built as the daemon does, handed over and opened."""

import json
from pathlib import Path
from typing import Any

import pytest

from filterd.app.handing_over import HandingOver
from filterd.app.ruling import Inputs, Ruling, build_ruling
from filterd.config.load import loads
from filterd.http.rules import Rules
from filterd.policy.rulebook import default_directory, load_rulebook

BOOK = load_rulebook(default_directory())
NOW = 1_788_746_400.0
PUPIL, STAFF, READ, TOLD, CHOSEN = (f"192.0.2.{n}" for n in (10, 18, 30, 40, 50))
CONFIG: dict[str, Any] = {
    "default_group": "pupils",
    "groups": {
        "pupils": {"age": 10, "networks": [f"{PUPIL}/32"]},
        "staff": {"age": 18, "filtered": False, "networks": [f"{STAFF}/32"]},
        "read": {"age": 10, "networks": [f"{READ}/32"]},
        "told": {"age": 10, "networks": [f"{TOLD}/32"]},
    },
    "allow": ["good.example"],
    "block": ["bad.example"],
    "http": {
        "listen": {"explicit": ["127.0.0.1:3128"]},
        "never_decrypt": ["clinic.example"],
        "inspect": {"groups": ["read"], "explain": ["told"]},
    },
}


def counted(monkeypatch: pytest.MonkeyPatch, name: str, opener: Any) -> list[Path]:
    """Return the list of what is opened through `opener`, which stands at `name`."""
    opened: list[Path] = []

    class Counting:
        @staticmethod
        def open(path: Path) -> Any:
            opened.append(path)
            return opener.open(path)

    monkeypatch.setattr(name, Counting)
    return opened


def ruling(config: dict[str, Any] | None = None, number: int = 1, **inputs: Any) -> Ruling:
    """Build a ruling of a configuration."""
    text = json.dumps(CONFIG if config is None else config)
    return build_ruling(Inputs(loads(text), BOOK, **inputs), NOW, number)


def handed(state: Path, made: Ruling | None = None) -> Rules:
    """Return what a worker reads of it."""
    HandingOver(state).write(ruling() if made is None else made)
    rules = Rules(state / "http")
    assert rules.look(), rules.problem
    return rules
