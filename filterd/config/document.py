"""Writes what is generated from the configuration's schema, or says that it is stale.

    python -m filterd.config.document [--check]

writes `config.example.yaml`, `docs/reference/config.md` and `docs/reference/config.schema.json`
below the current directory; with --check it writes nothing and exits 1 if one of them differs.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from filterd.config.example import example, on_one_line
from filterd.config.keys import MODEL, MODEL_LIST, MODELS, PLAIN, Key, keys_of
from filterd.config.load import default_config
from filterd.config.schema import Config

_HEAD = """\
# Configuration

Every key of `config.yaml`. This page is written by `python -m filterd.config.document` from the
schema that reads the file, so it cannot say anything else than the program does.

The file is YAML. Only `true` and `false` are truth values, so `off` needs no quotes; times and
dates need none either. Every key may be left out unless it is *required*. An unknown key, a key
given twice or an alias (`*name`) is refused, and all problems of a file are told at once.
"""


class _Written(GenerateJsonSchema):
    """A JSON Schema for editors whose defaults are what a person would write."""

    def encode_default(self, dft: Any) -> Any:
        """Return a default in its written form."""
        if isinstance(dft, tuple):
            return [self.encode_default(item) for item in dft]
        return str(dft) if is_dataclass(dft) else super().encode_default(dft)


def documents() -> dict[str, str]:
    """Return each generated file's path and text."""
    schema = Config.model_json_schema(by_alias=True, schema_generator=_Written)
    for _, model in _sections((), Config):
        part = schema if model is Config else schema["$defs"][model.__name__]
        # What may be written as text too has its keys in one of two choices.
        keys = next(p["properties"] for p in (part, *part.get("anyOf", ())) if "properties" in p)
        for key in keys_of(model):
            keys[key.name] = dict(sorted({**keys[key.name], "description": key.meaning}.items()))
    return {
        "config.example.yaml": example(default_config()),
        "docs/reference/config.md": reference(),
        "docs/reference/config.schema.json": json.dumps(schema, indent=2) + "\n",
    }


def reference() -> str:
    """Return the reference page in Markdown: a table for each section."""
    return sections(_HEAD, Config)


def sections(head: str, whole: type[BaseModel]) -> str:
    """Return a page in Markdown: `head`, then a table for each section of `whole`."""
    parts = [head]
    for path, model in _sections((), whole):
        title = f"## `{'.'.join(path)}`" if path else "## Top level"
        doc = " ".join((model.__doc__ or "").split())
        parts.append(f"{title}\n\n{doc}\n\n{_table(model)}")
    return "\n".join(parts)


def _sections(
    path: tuple[str, ...], model: type[BaseModel]
) -> Iterator[tuple[tuple[str, ...], type[BaseModel]]]:
    yield path, model
    for key in keys_of(model):
        if key.model is not None:
            below = {MODEL: key.name, MODELS: f"{key.name}.NAME", MODEL_LIST: f"{key.name}[]"}
            yield from _sections((*path, below[key.kind]), key.model)


def _table(model: type[BaseModel]) -> str:
    rows = ["| key | default | allowed | meaning |", "| --- | --- | --- | --- |"]
    for key in keys_of(model):
        cells = (f"`{key.name}`", _default(model, key), key.allowed, key.meaning)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def _default(model: type[BaseModel], key: Key) -> str:
    if key.required:
        return "*required*"
    if key.kind != PLAIN or key.default is None or key.default in ((), {}):
        return ""
    name = next(n for n, f in model.model_fields.items() if key.name in (n, f.alias))
    shown = model.model_construct(**{name: key.default}).model_dump(include={name}, warnings=False)
    return f"`{on_one_line(shown[name])}`"


def main(arguments: Sequence[str]) -> int:
    """Write the files, or with --check compare them; 0 when all is well."""
    stale = 0
    for name, text in documents().items():
        path = Path(name)
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        if "--check" in arguments:
            stale += 1
            sys.stderr.write(f"{name} is stale; run: python -m filterd.config.document\n")
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"wrote {name}\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
