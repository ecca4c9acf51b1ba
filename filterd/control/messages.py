"""What goes over the control socket: one JSON object a line, UTF-8, at most `MAX_LINE` bytes.

The client sends a Request; the daemon answers with any number of Progress and then exactly one
Result or Refusal. Then the next request may follow. Sans-io: text in, values out.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from filterd.model.errors import ControlError

MAX_LINE = 16 * 2**20  # a result may carry a whole status; requests are held to MAX_REQUEST
MAX_REQUEST = 1 * 2**20
Json = Any  # what `json` reads and writes


@dataclass(frozen=True, slots=True)
class Request:
    """Do `command` with `arguments`."""

    command: str
    arguments: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long command is. `total` None: not known; `step` says what is being done."""

    step: str
    done: int = 0
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """It is done, and this came of it."""

    value: Json = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """It was not done; `error` says why and what to do."""

    error: str


Answer = Progress | Result | Refusal


def encode(message: Request | Answer) -> bytes:
    """Return `message` as one line.

    Raises:
        ControlError: it would be longer than `MAX_LINE`.
    """
    line = json.dumps(_fields(message), ensure_ascii=False, separators=(",", ":")).encode()
    if len(line) >= MAX_LINE:
        raise ControlError(f"the answer is longer than {MAX_LINE} bytes; ask for less")
    return line + b"\n"


def decode_request(line: bytes) -> Request:
    """Read a Request.

    Raises:
        ControlError: anything else.
    """
    fields = _object(line)
    command = fields.get("command")
    arguments = fields.get("arguments", {})
    if not isinstance(command, str) or not isinstance(arguments, dict):
        raise ControlError('not a request; {"command": "status", "arguments": {}} is one')
    return Request(command, arguments)


def decode_answer(line: bytes) -> Answer:
    """Read an Answer.

    Raises:
        ControlError: anything else.
    """
    fields = _object(line)
    if "result" in fields:
        return Result(fields["result"])
    if isinstance(error := fields.get("error"), str):
        return Refusal(error)
    step, done, total = fields.get("progress"), fields.get("done", 0), fields.get("total")
    if isinstance(step, str) and isinstance(done, int) and isinstance(total, int | None):
        return Progress(step, done, total)
    raise ControlError("filterd answered with something else; are both of one version?")


def _fields(message: Request | Answer) -> dict[str, Json]:
    match message:
        case Request(command, arguments):
            return {"command": command, "arguments": dict(arguments)}
        case Progress(step, done, total):
            return {"progress": step, "done": done, "total": total}
        case Result(value):
            return {"result": value}
        case Refusal(error):
            return {"error": error}


def _object(line: bytes) -> dict[str, Json]:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ControlError(f"not a line of JSON: {error}") from error
    if not isinstance(fields, dict):
        raise ControlError("not a JSON object")
    return fields
