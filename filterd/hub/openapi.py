"""What OpenAPI says of bodies that are read as bytes because a signature is over them."""

from typing import Any

from filterd.feed.delivery import TAKES
from filterd.hub.problems import MEDIA

Json = Any
_PROBLEM: Json = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "why, and what to do"},
    },
}
_TEXT = {"type": "string"}
_SEALED = {"key": {"type": "string"}, "signature": {"type": "string"}}
SCHEMAS: dict[str, Json] = {
    "Problem": _PROBLEM,
    "Enrolment": {
        "type": "object",
        "required": ["code", "key", "software"],
        "additionalProperties": False,
        "properties": {
            "code": {"type": "string"},
            "key": {
                "type": "array",
                "description": "id, type, scheme, public part in hexadecimal",
                "items": {"type": "string"},
                "minItems": 4,
                "maxItems": 4,
            },
            "software": {"type": "string"},
        },
    },
    "Receipts": {
        "type": "object",
        "required": ["receipts"],
        "additionalProperties": False,
        "properties": {
            "receipts": {
                "type": "array",
                "minItems": 1,
                "maxItems": 64,
                "items": {
                    "type": "object",
                    "required": ["receipt", "key", "signature"],
                    "properties": {"receipt": {"type": "object"}, **_SEALED},
                },
            }
        },
    },
    "Batch": {
        "type": "object",
        "required": ["batch", "key", "signature"],
        "additionalProperties": False,
        "properties": {"batch": {"type": "object"}, **_SEALED},
    },
    "Taken": {
        "type": "object",
        "description": "`taken` are new, `known` were here before",
        "required": ["taken", "known"],
        "properties": {"taken": {"type": "integer"}, "known": {"type": "integer"}},
    },
    "SignedAct": {
        "type": "object",
        "required": ["kind", "act", "signatures"],
        "additionalProperties": False,
        "properties": {
            "kind": {"type": "string"},
            "act": {"type": "object"},
            "signatures": {"type": "array", "items": {"type": "array"}},
        },
    },
}


def _refusals(*codes: int) -> dict[int | str, dict[str, Any]]:
    content = {MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    told = {
        401: "not signed by who it should be, or no token that holds",
        403: "not for this person, or a code that is not good",
        409: "its id was used for something else",
        413: "too long",
        415: "packed by another way than zstd",
        422: "does not read, is from the future, or is not warranted",
        429: "too many; Retry-After says when to come back",
        503: "too much to do; Retry-After says when to come back",
    }
    return {code: {"description": told[code], "content": content} for code in codes}


SIGNED = _refusals(401, 403, 409, 413, 415, 422, 429, 503)
PEOPLE = _refusals(401, 403, 409, 422, 429, 503)


def content_of(schema: str) -> dict[str, Json]:
    """Return what a route's body is, JSON that may be packed by zstd."""
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"requestBody": {"required": True, "content": content}}


def _taken(about: str, schema: str) -> Json:
    reply = {"schema": {"$ref": "#/components/schemas/Taken"}}
    good = {
        "description": "kept",
        "headers": {TAKES: {"description": "lanes that not every hub takes", "schema": _TEXT}},
        "content": {"application/json": reply},
    }
    responses = {"200": good, **{str(code): told for code, told in SIGNED.items()}}
    return {
        "post": {"tags": ["nodes"], "summary": about, **content_of(schema), "responses": responses}
    }


PATHS: dict[str, Json] = {  # of what FastAPI knows nothing of
    "/v1/receipts": _taken("Take up to 64 receipts of one node.", "Receipts"),
    "/v1/reports": _taken("Take one batch of counts.", "Batch"),
}
