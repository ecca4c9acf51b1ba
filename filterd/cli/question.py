"""One line of `filterd decide`: a question read strictly, a verdict written plainly."""

import json
from ipaddress import ip_address
from typing import Any

from dnslib import RCODE

from filterd.app.deciding import Decider
from filterd.cli.times import UnreadableError, moment, qtype_number
from filterd.cli.web_question import FIELDS as WEB_FIELDS
from filterd.cli.web_question import abp_request, web_question
from filterd.core import Decision, Snapshot
from filterd.formats.names import normalise
from filterd.model.errors import InvalidName
from filterd.model.verdict import Kind, Reason, Verdict

_FIELDS = WEB_FIELDS | {"name", "type", "client", "client_name", "client_tags", "group", "at"}
_NAME_FIELDS = frozenset({"name", "type"})
A = 1


class UnanswerableError(ValueError):
    """A line that is no question; the text says why."""


def verdict_of(line: bytes, decider: Decider, now: float) -> dict[str, Any]:
    """Return the verdict for one line, ready for JSON. Raises UnanswerableError."""
    question = _question(line)
    at = question.get("at")
    verdict: Verdict | None = None
    try:
        when = now if at is None else moment(str(at), decider.timezone)
        client = _optional(question, "client")
        if client is not None:
            ip_address(client.partition("%")[0])
        asking: dict[str, Any] = {
            "client": client,
            "group": decider.group or _optional(question, "group"),
            "client_name": _optional(question, "client_name"),
            "client_tags": _tags(question),
        }
        snapshot, classes, requests = decider.at(when)
        decision = _decided(question, snapshot, when, asking)
        if requests is not None and "url" in question:
            request = abp_request(
                question["url"], question.get("source_url"), web_question(question)
            )
            verdict = requests.verdict(request, decision, classes, when)
    except InvalidName as error:
        raise UnanswerableError(f"name: {error}") from None
    except UnreadableError as error:
        raise UnanswerableError(str(error)) from None
    except KeyError as error:
        raise UnanswerableError(str(error.args[0])) from None
    except (ValueError, RuntimeError) as error:
        raise UnanswerableError(str(error)) from None
    if verdict is not None:
        return _said(verdict)
    return _written(decision, decider.reason(decision, classes))


def _decided(
    question: dict[str, Any], snapshot: Snapshot, when: float, asking: dict[str, Any]
) -> Decision:
    if question.keys() & WEB_FIELDS:
        both = question.keys() & _NAME_FIELDS
        if both:
            raise UnanswerableError(f"{min(both)}: is for a name; a question has one or a url")
        return snapshot.decide_url(web_question(question).url, when, **asking)
    name = normalise(_text(question, "name"))
    qtype = qtype_number(question["type"]) if "type" in question else A
    return snapshot.decide(name, qtype, when, **asking)


def _question(line: bytes) -> dict[str, Any]:
    try:
        question = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UnanswerableError(f"not JSON: {error}") from None
    if not isinstance(question, dict):
        raise UnanswerableError('not a question; {"name": "example.com"} is one')
    unknown = question.keys() - _FIELDS
    if unknown:
        known = ", ".join(sorted(_FIELDS))
        raise UnanswerableError(f"unknown field {min(unknown)!r}; known fields: {known}")
    return question


def _text(question: dict[str, Any], field: str) -> str:
    value = question.get(field)
    if not isinstance(value, str) or not value:
        raise UnanswerableError(f"{field}: a text is needed")
    return value


def _optional(question: dict[str, Any], field: str) -> str | None:
    return None if question.get(field) is None else _text(question, field)


def _tags(question: dict[str, Any]) -> list[str] | None:
    tags = question.get("client_tags")
    if tags is None:
        return None
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise UnanswerableError("client_tags: a list of texts is needed")
    return tags


def _said(verdict: Verdict) -> dict[str, Any]:
    reason = verdict.reason
    return {
        "verdict": verdict.kind,
        "step": reason.step,
        "rule": reason.rule,
        "list": reason.list,
        "line": reason.line,
        "category": reason.category,
        "min_age": reason.min_age,
    }


def _written(decision: Decision, reason: Reason) -> dict[str, Any]:
    answer = _said(Verdict(Kind(decision.kind), reason))
    if decision.kind == "rewrite":
        answers = [decision.cname] if decision.cname else [data for _, data in decision.answers]
        answer["rewrite"] = {"rcode": str(RCODE.get(decision.rcode)), "answers": answers}
    return answer
