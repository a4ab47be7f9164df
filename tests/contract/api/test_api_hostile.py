"""Calls made from the API's own OpenAPI document, right ones and hostile ones: every answer is one that it declares.

`PLAIT_HOSTILE_CALLS` says how many are made of each sort; nightly runs make many.
"""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import quote

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from plait.api import deleting, documents
from plait.api.app import create_app
from plait.api.database import Database
from plait.common.access.doors import Doors
from tests import scene

CALLS: Final = int(os.environ.get("PLAIT_HOSTILE_CALLS", "30"))
ADMIN: Final = {"X-API-Key": "boss"}
ENDLESS: Final = "text/event-stream"
HOSTILE: Final = (
    "'; DROP TABLE exchanges; --",
    "%",
    "_",
    "\\",
    "\0",
    "a\0b",
    "🙂" * 300,
    "x" * 20_000,
    "9" * 400,
    "-1",
    "1e309",
    "٣",
    "NaN",
    "null",
    "[]",
    "../../etc/passwd",
    "2026-11-21T12:00:00+99:99",
    "9999-12-31",
    "0001-01-01T00:00:00+14:00",
    "00000000-0000-0000-0000-000000000000",
    "%ED%A0%80",
    "%FF%FE",
)
"""What a parameter may be given; the last two stand as they are: half a surrogate pair, and no UTF-8."""
RAW: Final = HOSTILE[-2:]

Operation = APIOperation[Any, Any, Any, Any]
Call = schemathesis.Case[Any]
AS_DECLARED: Final = [status_code_conformance, content_type_conformance, response_schema_conformance]
MANY: Final = settings(max_examples=CALLS, deadline=None, suppress_health_check=list(HealthCheck), database=None)


def described() -> list[Operation]:
    """All operations but the streams that do not end."""
    document = documents.openapi(create_app(Database("postgresql://nobody@127.0.0.1:1/none"), "key"))
    schema = schemathesis.openapi.from_dict(document)
    found = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert found
    return [one for one in found if ENDLESS not in str(one.definition.raw["responses"].get("200", {}))]


OPERATIONS: Final = described()


@pytest.fixture
async def client(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx2.AsyncClient]:
    """The API for an administrator; no linker carries out what is asked."""
    monkeypatch.setattr(deleting, "_PATIENCE_S", 0.0)
    database = Database(postgres_url)
    transport = httpx2.ASGITransport(app=create_app(database, Doors(viewer="key", admin="boss")))
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test", headers=ADMIN) as client:
        yield client
    await database.close()


def calls(mode: GenerationMode) -> st.SearchStrategy[Call]:
    return st.sampled_from(OPERATIONS).flatmap(lambda operation: operation.as_strategy(mode))


@MANY
@given(case=calls(GenerationMode.POSITIVE), known=st.lists(st.integers(0, 12), min_size=2, max_size=2))
async def test_right_calls(client: httpx2.AsyncClient, whole: scene.Scene, case: Call, known: list[int]) -> None:
    """Ids of the history stand in for about half of the made-up ones."""
    ids = [whole.root, whole.more, whole.counting, whole.running, whole.told, whole.open, whole.answer_only]
    given = (case.path_parameters or {}).items()
    case.path_parameters = {
        name: str(ids[n]) if n < len(ids) else made for (name, made), n in zip(given, known, strict=False)
    }
    await is_as_declared(client, case)


@MANY
@given(case=calls(GenerationMode.NEGATIVE))
async def test_wrong_calls(client: httpx2.AsyncClient, whole: scene.Scene, case: Call) -> None:
    await is_as_declared(client, case)


async def is_as_declared(client: httpx2.AsyncClient, case: Call) -> None:
    asked = case.as_transport_kwargs(base_url="http://api.test")
    headers = {**(asked.get("headers") or {}), **ADMIN}
    answer = await client.request(asked["method"], asked["url"], params=asked.get("params"), headers=headers)
    assert answer.status_code < 500, answer.text
    case.validate_response(answer, checks=AS_DECLARED)


async def test_no_value_breaks_any_parameter(client: httpx2.AsyncClient, whole: scene.Scene) -> None:
    every = [(one, parameter, value) for one in OPERATIONS for parameter in one.iter_parameters() for value in HOSTILE]
    for operation, parameter, value in random.Random(7).sample(every, min(len(every), 10 * CALLS)):
        name = parameter.name
        answer = await client.request(operation.method, target(operation, name, parameter.location, value, whole))
        assert answer.status_code in (200, 202, 400, 404), (operation.label, name, value, answer.text)
        if answer.status_code == 400:
            assert answer.json()["error"]["message"].split(":")[0] == name, (operation.label, value)
    assert (await client.get("/api/requests")).json()["pagination"]["total"] == 8


def target(operation: Operation, hostile: str, place: Any, value: str, s: scene.Scene) -> str:
    """The address of a call in which one parameter is hostile."""
    written = value if value in RAW else quote(value, safe="")
    path = operation.path
    ids = {"id": s.told if "conversations" in path else s.root, "a": s.root, "b": s.more}
    for name, number in ids.items():
        path = path.replace(f"{{{name}}}", written if (name, str(place)) == (hostile, "path") else str(number))
    required = {"before": "2000-01-01", "q": "story", "group_by": "day"}
    given = {p.name: required[p.name] for p in operation.iter_parameters() if p.is_required and p.name in required}
    given = {name: quote(text) for name, text in given.items()} | ({hostile: written} if hostile not in ids else {})
    return path + "?" + "&".join(f"{name}={text}" for name, text in given.items())
