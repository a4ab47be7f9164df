"""OpenAPI and its page."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest
from fastapi.routing import iter_route_contexts
from jsonschema import Draft202012Validator

from plait.api import page
from plait.api.app import create_app
from plait.api.database import Database

UNDESCRIBED = {"/openapi.json", "/docs", "/health/liveliness"}
"""The documents themselves, and another name of a route."""


def served() -> dict[str, set[str]]:
    """The methods of every path that the app answers."""
    found: dict[str, set[str]] = {}
    for route in iter_route_contexts(create_app(Database("postgresql://nobody@127.0.0.1:1/none"), "key").routes):
        assert route.path
        found.setdefault(route.path, set()).update(route.methods or ())
    return found


@pytest.fixture
async def document() -> dict[str, Any]:
    found: dict[str, Any] = (await get("/openapi.json")).json()
    return found


async def get(path: str) -> httpx2.Response:
    app = create_app(Database("postgresql://nobody@127.0.0.1:1/none"), "key")
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://api.test") as client:
        return await client.get(path)


async def test_every_route_is_in_it(document: dict[str, Any]) -> None:
    described = {path: {method.upper() for method in found} for path, found in document["paths"].items()}
    assert described == {path: methods - {"HEAD"} for path, methods in served().items() if path not in UNDESCRIBED}


async def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    names = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert names <= set(document["components"]["schemas"])
    assert {"ExchangeSummary", "Exchange", "Conversation", "ErrorAnswer"} <= names


async def test_it_says_what_counts_as_an_error(document: dict[str, Any]) -> None:
    told = document["paths"]["/api/stats"]["get"]["description"]
    assert "`errorCount` is of those that ended `failed`, `interrupted` or `rejected`" in told


async def test_every_api_route_tells_its_refusals_and_its_key(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        if path.startswith("/api"):
            for operation in operations.values():
                answers = set(operation["responses"])
                assert answers >= {"400", "401", "403", "429", "503", "504"}, path
                assert ("404" in answers) == ("{" in path or "requestBody" in operation), path
                assert {"DashboardKey": []} in operation["security"], path


async def test_every_operation_is_described(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["description"].startswith(operation["summary"]), path
            assert 10 < len(operation["summary"]) < 130, operation["summary"]
            for parameter in operation.get("parameters", []):
                assert parameter.get("description", "").endswith("."), (path, parameter["name"])


async def test_every_json_answer_has_an_example_that_fits(document: dict[str, Any]) -> None:
    shown = 0
    for operations in document["paths"].values():
        content = operations.get("get", {"responses": {"200": {}}})["responses"]["200"].get("content", {})
        if found := content.get("application/json"):
            schema = found["schema"] | {"components": document["components"]}
            Draft202012Validator(schema).validate(found["example"])
            shown += 1
    assert shown >= 20


async def test_the_page_shows_every_route_and_loads_nothing() -> None:
    answer = await get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    assert all(f"{path}</code>" in answer.text for path in served().keys() - UNDESCRIBED)
    assert not re.search(r"<(script|link|img|iframe)|@import|url\(|https?:", answer.text)
    assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_every_link_of_the_page_has_its_target() -> None:
    text = (await get("/docs")).text
    assert set(re.findall(r'href="#(\w+)"', text)) <= set(re.findall(r'id="(\w+)"', text))


def test_the_page_escapes_what_it_shows() -> None:
    document = {
        "info": {"title": "<x", "version": "<x", "description": "<x"},
        "paths": {"/<x": {"get": {"description": "<x", "responses": {"200": {"description": "<x"}}}}},
        "components": {"schemas": {"<x": {"properties": {"<x": {"enum": ["<x"]}}}}},
    }
    shown = page.render(document)
    assert "<x" not in shown
    assert shown.count("&lt;x") == 11  # the title and the schema's name twice
