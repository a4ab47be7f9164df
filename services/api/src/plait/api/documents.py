"""OpenAPI: FastAPI describes routes and parameters, msgspec the answers; both are put together here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from plait.api.deleting import Deleted
from plait.api.errors import ErrorAnswer
from plait.api.front import is_open

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
    503: "The database does not answer.",
    504: "It took too long.",
}
_shown: dict[str, type] = {"ErrorAnswer": ErrorAnswer}


def described(answer: type, words: str | None = None) -> dict[str, Any]:
    """A response object of OpenAPI whose body is a struct."""
    _shown[answer.__name__] = answer
    schema = {"$ref": _REF.format(name=answer.__name__)}
    return {
        "description": words or (answer.__doc__ or "").splitlines()[0],
        "content": {"application/json": {"schema": schema}},
    }


def by_name(answer: type, words: str) -> dict[str, Any]:
    """A response object whose body is an object that holds such a struct under each name."""
    held = described(answer)["content"]["application/json"]["schema"]
    schema = {"type": "object", "additionalProperties": held}
    return {"description": words, "content": {"application/json": {"schema": schema}}}


def answers(good: type, *, found_by_id: bool = False) -> Described:
    """All answers of a route under `/api`: the good one and the refusals."""
    refusals = _REFUSALS | ({404: "Nothing has this id."} if found_by_id else {})
    return {
        200: described(good),
        **{status: described(ErrorAnswer, words) for status, words in sorted(refusals.items())},
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
        **answers(ErrorAnswer, found_by_id=True),
        200: good,
        410: described(ErrorAnswer, "What was kept of it is damaged."),
    }


def openapi(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the app, made once."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        _, schemas = msgspec.json.schema_components(_shown.values(), ref_template=_REF)
        document["components"] = {"schemas": schemas, "securitySchemes": _SCHEMES}
        for path, operations in document["paths"].items():
            for operation in operations.values():
                operation["responses"].pop("422", None)  # we answer 400
                if not is_open(path):
                    operation["security"] = [{name: []} for name in _SCHEMES]
        app.openapi_schema = document
    return app.openapi_schema
