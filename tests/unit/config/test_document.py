"""The example file and the reference are what the schema says."""

import json
import os
from pathlib import Path

import pytest
import yaml

from filterd.config.document import documents, main, reference
from filterd.config.example import EXAMPLES, example
from filterd.config.keys import keys_of
from filterd.config.load import default_config, load, loads
from filterd.config.schema import Config
from filterd.policy.rulebook import default_directory, load_rulebook

ROOT = Path(__file__).resolve().parents[3]


def test_the_example_is_the_defaults() -> None:
    assert (
        load(ROOT / "config.example.yaml", book=load_rulebook(default_directory()))
        == default_config()
    )


@pytest.mark.parametrize("name", sorted(documents()))
def test_the_written_files_are_fresh(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == documents()[name]


def test_the_examples_load_too() -> None:
    top = dict(EXAMPLES["Config"])
    group = {key: value for key, value in EXAMPLES["GroupConfig"].items() if key != "grade"}
    listed = {key: value for key, value in EXAMPLES["ListConfig"].items() if key != "path"}
    top["groups"] = {
        "primary": {"age": "primary", **group},
        "grades-8-9": {"grade": EXAMPLES["GroupConfig"]["grade"]},
    }
    top["lists"]["more"] = {"format": "rpz", **listed}
    top["upstream"] = EXAMPLES["UpstreamConfig"]
    top["rebind"] = EXAMPLES["RebindConfig"]
    top["blocking"] = EXAMPLES["AnswerConfig"]
    top["log"], top["control"] = EXAMPLES["LogConfig"], EXAMPLES["ControlConfig"]
    config = loads(yaml.safe_dump(top), book=load_rulebook(default_directory()))
    assert loads(example(config)).model_dump() == config.model_dump()


def test_every_key_is_explained() -> None:
    def sections(model):
        yield model
        for key in keys_of(model):
            if key.model:
                yield from sections(key.model)

    page, text = reference(), example(default_config())
    for model in sections(Config):
        for key in keys_of(model):
            assert key.meaning.endswith("."), (model, key.name)
            assert f"| `{key.name}` |" in page
            if model is Config:
                assert f"{key.name}:" in text


def test_check_says_what_is_stale(tmp_path: Path, capsys) -> None:
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        assert main(["--check"]) == 1
        assert "config.example.yaml is stale" in capsys.readouterr().err
        assert not list(tmp_path.iterdir())
        assert main([]) == 0
        assert main(["--check"]) == 0
    finally:
        os.chdir(before)


def test_the_schema_for_editors_has_written_forms() -> None:
    schema = json.loads(documents()["docs/reference/config.schema.json"])
    parts = schema["$defs"]
    assert parts["UpstreamConfig"]["properties"]["servers"]["default"] == []
    assert parts["WindowConfig"]["properties"]["days"]["default"] == "daily"
    assert {"type": "string"}.items() <= parts["RecordConfig"]["anyOf"][0].items()
    assert schema["additionalProperties"] is False
