"""OpenAPI and its page."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest

from plait.api import page
from plait.api.app import create_app
from plait.api.database import Database

ROUTES = {
    "/api/requests",
    "/api/requests/{id}",
    "/api/requests/{id}/chunks",
    "/api/conversations",
    "/api/conversations/{id}",
    "/api/stats",
    "/api/domains",
    "/health",
    "/health/live",
    "/health/ready",
}


@pytest.fixture
async def document() -> dict[str, Any]:
    found: dict[str, Any] = (await get("/openapi.json")).json()
    return found


async def get(path: str) -> httpx2.Response:
    app = create_app(Database("postgresql://nobody@127.0.0.1:1/none"), "key")
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://api.test") as client:
        return await client.get(path)


async def test_every_route_is_in_it(document: dict[str, Any]) -> None:
    assert set(document["paths"]) == ROUTES


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
            answers = set(operations["get"]["responses"])
            assert answers - {"404"} == {"200", "400", "401", "403", "503", "504"}
            assert ("404" in answers) == ("{id}" in path)
            assert {"DashboardKey": []} in operations["get"]["security"]


async def test_the_page_shows_every_route_and_loads_nothing() -> None:
    answer = await get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    assert all(f"GET {path}" in answer.text for path in ROUTES)
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
