"""Every refusal has one shape: `{"error": {"type", "message", "request_id"}}`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import asyncpg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.responses import Response

from plait.api.encoding import Json
from plait.common.errors import DependencyDown
from plait.common.postgres import DOWN, NoRole

_log = structlog.get_logger()
_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    429: "rate_limit_error",
    503: "unavailable_error",
    504: "timeout_error",
}
_PLAIN: Final = {"uuid_parsing": "must be a UUID", "int_parsing": "must be a whole number"}
"""What is said of a value that could not be read."""
_QUOTED: Final = 80
"""Characters of such a value that the message repeats."""


class Refusal(Struct, frozen=True):
    """What went wrong."""

    type: str
    message: str
    request_id: str
    """Stands in the answer's `X-Request-ID` too."""


class ErrorAnswer(Struct, frozen=True):
    """The body of every answer but a good one."""

    error: Refusal


class NotFound(HTTPException):
    """Nothing has the id that was asked for."""

    def __init__(self, noun: str, sought: object) -> None:
        super().__init__(404, f"No {noun} has the id {sought}.")


class Unreadable(HTTPException):
    """What was kept of an exchange is damaged."""

    def __init__(self, exchange_id: object, fault: object) -> None:
        super().__init__(410, f"Exchange {exchange_id} cannot be read: {fault}. `plait doctor --deep` says more.")


@contextmanager
def reading(exchange_id: object) -> Iterator[None]:
    """Around what puts an exchange together again: a part of it may be missing, or damaged.

    Raises:
        Unreadable: it is.
    """
    try:
        yield
    except (ValueError, TypeError, LookupError) as error:
        raise Unreadable(exchange_id, f"a part of it is missing or damaged ({type(error).__name__})") from error


class BadParameter(HTTPException):
    """A parameter that cannot be what was meant."""

    def __init__(self, name: str, fault: str) -> None:
        super().__init__(400, f"{name}: {fault}")


def refusal(status: int, message: str, request_id: str, headers: Mapping[str, str] | None = None) -> Response:
    """The answer that refuses."""
    kind = _TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
    return Json(ErrorAnswer(Refusal(kind, message, request_id)), status, headers)


def install(app: FastAPI) -> None:
    """Answer every exception in the one shape."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    for away in (DependencyDown, *DOWN):
        app.add_exception_handler(away, _away)
    for lacking in (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError):
        app.add_exception_handler(lacking, _no_tables)
    app.add_exception_handler(NoRole, _no_role)
    app.add_exception_handler(asyncpg.QueryCanceledError, _too_slow)
    app.add_exception_handler(Exception, _broken)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = error.detail if error.status_code not in (404, 405) else _routing(request, error)
    return refusal(error.status_code, message, _id(request), error.headers)


def _routing(request: Request, error: HTTPException) -> str:
    """Names the path and method where the framework says no more than the status's name."""
    if isinstance(error, NotFound):
        return error.detail
    if error.status_code == 405:
        return f"{request.url.path} does not take {request.method}."
    return f"There is no {request.url.path}. docs/api.md tells of all routes, and so does /docs at the API's own port."


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return refusal(400, _faults(error.errors()), _id(request))


def _faults(errors: Any) -> str:
    faults: dict[str, list[str]] = {}
    for one in errors:
        faults.setdefault(_named(one["loc"]), []).append(_fault(one))
    return "; ".join(f"{name}: {' or: '.join(messages)}" for name, messages in faults.items())


def _named(place: tuple[str | int, ...]) -> str:
    """Which parameter, or field of the body, is at fault; places in a body that is no JSON are numbers."""
    return str(place[1]) if len(place) > 1 and isinstance(place[1], str) else "body"


def _fault(one: dict[str, Any]) -> str:
    if one["type"] == "extra_forbidden":
        return "no such parameter"
    if one["type"] == "missing":
        return "is missing"
    if one["type"] == "model_attributes_type":
        return "must be a JSON object, sent with `Content-Type: application/json`"
    if one["type"] == "json_invalid":
        return f"is no JSON: {one['ctx']['error']}"
    given = f", not {str(one['input'])[:_QUOTED]!r}"
    if one["type"] in _PLAIN:
        return _PLAIN[one["type"]] + given
    message: str = one["msg"]
    return message.removeprefix("Value error, ").replace("Input should be", "must be")


async def _away(request: Request, error: Exception) -> Response:
    _log.warning("database does not answer", error=type(error).__name__)
    return refusal(503, "The database does not answer. Try again in a moment.", _id(request), {"Retry-After": "1"})


async def _no_tables(request: Request, _: Exception) -> Response:
    return refusal(503, "The database lacks tables of this version: run `plait migrate`.", _id(request))


async def _no_role(request: Request, _: Exception) -> Response:
    return refusal(503, "The database has no role for the API: run `plait migrate` (docs/keys.md).", _id(request))


async def _too_slow(request: Request, _: Exception) -> Response:
    return refusal(504, "This took too long. Ask for less: since, until and domain narrow it.", _id(request))


async def _broken(request: Request, _: Exception) -> Response:
    request_id = _id(request)  # this answer passes none of our middleware
    return refusal(500, "Something went wrong in Plait; its log says what.", request_id, {"X-Request-ID": request_id})


def _id(request: Request) -> str:
    found: str = request.state.request_id
    return found
