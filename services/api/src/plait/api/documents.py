"""OpenAPI: FastAPI describes routes and parameters, msgspec the answers; both are put together here."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from importlib import resources
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from plait.api.deleting import Deleted
from plait.api.errors import ErrorAnswer
from plait.api.front import is_open

_JSON: Final = "application/json"
_FIRST_SENTENCE: Final = re.compile(r".+?(?=[.:;](?:\s|$)|$)")
Described = dict[int | str, dict[str, Any]]
_REF: Final = "#/components/schemas/{name}"
_SCHEMES: Final = {
    "DashboardKey": {"type": "apiKey", "in": "header", "name": "X-Dashboard-Key"},
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "Bearer": {"type": "http", "scheme": "bearer"},
}
_REFUSALS: Final = {
    400: "A parameter is malformed, unknown or given twice; the message names it.",
    401: "The key is missing.",
    403: "The key is wrong.",
    429: "This key has made too many calls; `Retry-After` says how many seconds to wait.",
    503: "The database does not answer.",
    504: "It took too long.",
}
_DAMAGED: Final = {410: "What was kept of it is damaged."}
_NOT_MODIFIED: Final = {
    "description": "The answer is still the one whose `ETag` the call's `If-None-Match` names.",
    "headers": {"ETag": {"schema": {"type": "string"}}},
}
_ERROR: Final = {
    "error": {
        "type": "invalid_request_error",
        "message": "limit: must be a whole number, not 'many'",
        "request_id": "01a1fd41-0770-788a-88ed-43e32d897fce",
    }
}
_VALUES: Final = {
    "id": "01a1fd40-b90e-7312-82a6-4036ec8f4e6d",
    "a": "01a1fd40-b7ca-7ce5-8d6a-554771929094",
    "b": "01a1fd40-b90e-7312-82a6-4036ec8f4e6d",
    "conversationId": "b498ec92-b0d4-50a9-aad0-be3e2213e5d5",
    "sessionId": "5121a70f-297b-4abe-a763-f07a1f61ad28",
    "domain": "work.example",
    "accountId": "team",
    "model": "claude-opus-5-5",
    "since": "2026-11-21T08:00:00Z",
    "until": "2026-11-21",
    "before": "2026-01-01",
    "dateFrom": "2026-11-01",
    "dateTo": "2026-11-30",
    "tz": "Europe/Berlin",
    "q": "README",
    "conversation_id": "b498ec92-b0d4-50a9-aad0-be3e2213e5d5",
    "branch_id": "main",
    "branchId": "main",
}
"""Examples of parameters, by their names."""
_NOT_OURS: Final = ("HTTPValidationError", "ValidationError")
"""Schemas of the framework's own refusals."""
_shown: dict[str, type] = {"ErrorAnswer": ErrorAnswer}


def described(answer: type, words: str | None = None) -> dict[str, Any]:
    """A response object of OpenAPI whose body is a struct."""
    _shown[answer.__name__] = answer
    schema = {"$ref": _REF.format(name=answer.__name__)}
    return {
        "description": words or (answer.__doc__ or "").splitlines()[0],
        "content": {_JSON: {"schema": schema}},
    }


def by_name(answer: type, words: str) -> dict[str, Any]:
    """A response object whose body is an object that holds such a struct under each name."""
    held = described(answer)["content"][_JSON]["schema"]
    schema = {"type": "object", "additionalProperties": held}
    return {"description": words, "content": {_JSON: {"schema": schema}}}


def answers(good: type, *, found_by_id: bool = False, kept: bool = False) -> Described:
    """All answers of a route under `/api`: the good one and the refusals.

    `kept`: it gives what was kept of an exchange.
    """
    refusals = _REFUSALS | ({404: "Nothing has this id."} if found_by_id else {}) | (_DAMAGED if kept else {})
    return {
        200: described(good),
        **{status: described(ErrorAnswer, words) for status, words in sorted(refusals.items())},
    }


def askings(good: type, *, also: str) -> Described:
    """All answers of a route that asks for an analysis; `also`: what 200 means."""
    return {
        **answers(good, found_by_id=True),
        200: described(good, also),
        429: described(ErrorAnswer, "Too many were asked for; `Retry-After` says how many seconds to wait."),
    }


def deletions(*, found_by_id: bool = False) -> Described:
    """All answers of a route that deletes."""
    return {
        **answers(Deleted, found_by_id=found_by_id),
        200: described(Deleted, "All of it is deleted."),
        202: described(Deleted, "It is asked for, and takes longer."),
        403: described(ErrorAnswer, "The key is wrong, or no administrator's."),
    }


def files(words: str, *media_types: str, headers: Sequence[str] = ()) -> Described:
    """All answers of a route that gives a file, in one of these forms."""
    good: dict[str, Any] = {
        "description": words,
        "content": {media_type: {"schema": {"type": "string"}} for media_type in media_types},
    }
    if headers:
        good["headers"] = {name: {"schema": {"type": "string"}} for name in headers}
    return {
        **answers(ErrorAnswer, found_by_id=True, kept=True),
        200: good,
    }


def openapi(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the app, made once."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        _, schemas = msgspec.json.schema_components(_shown.values(), ref_template=_REF)
        asked = document.get("components", {}).get("schemas", {})
        bodies = {name: schema for name, schema in asked.items() if name not in _NOT_OURS}
        document["components"] = {"schemas": {**bodies, **_plain(schemas)}, "securitySchemes": _SCHEMES}
        examples = _examples()
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                _complete(operation, path, method, examples.get(f"{method.upper()} {path}"))
        app.openapi_schema = document
    return app.openapi_schema


def _plain(schema: Any) -> Any:
    """The same without `items: false` behind the items of a tuple: generators of clients know no such thing."""
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {name: _plain(value) for name, value in schema.items() if not (name == "items" and value is False)}


def _complete(operation: dict[str, Any], path: str, method: str, example: Any) -> None:
    """What FastAPI does not know of an operation."""
    responses = operation["responses"]
    responses.pop("422", None)  # we answer 400
    good = responses["200"].get("content", {})
    if len(good) > 1 and not good.get(_JSON, {}).get("schema", True):
        del good[_JSON]  # what routes give that say nothing
    operation["summary"] = _FIRST_SENTENCE.match(operation["description"].replace("\n", " "))[0]  # type: ignore[index]
    if not is_open(path):
        operation["security"] = [{name: []} for name in _SCHEMES]
        for status in responses.keys() - {"200", "201", "202"}:
            responses[status]["content"][_JSON]["example"] = _ERROR
    if example is not None:
        for status in responses.keys() & {"200", "201"}:
            responses[status]["content"][_JSON]["example"] = example
        if method == "get":
            responses["304"] = _NOT_MODIFIED
    for parameter in operation.get("parameters", []):
        if "example" not in parameter and parameter["name"] in _VALUES:
            parameter["example"] = _VALUES[parameter["name"]]


def _examples() -> dict[str, Any]:
    """Good answers, taken from recorded traffic, by `METHOD path`."""
    text = (resources.files("plait.api") / "examples.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found
