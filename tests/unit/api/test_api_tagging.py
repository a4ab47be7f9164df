"""Entity tags and compression: what goes over the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from plait.api.tagging import EntityTags


async def value(request: Request) -> Response:
    return JSONResponse({"value": request.query_params.get("v", "")}, headers={"X-Request-ID": "1", "X-Other": "2"})


async def refused(request: Request) -> Response:
    return JSONResponse({"error": "no"}, 404)


async def stream(request: Request) -> Response:
    async def pieces() -> AsyncIterator[str]:
        yield "[1,"
        yield "2]"

    return StreamingResponse(pieces(), media_type="application/json")


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    routes = [Route("/value", value, methods=["GET", "POST"]), Route("/refused", refused), Route("/stream", stream)]
    transport = httpx2.ASGITransport(app=EntityTags(Starlette(routes=routes)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test") as client:
        yield client


async def test_the_same_value_has_the_same_tag(client: httpx2.AsyncClient) -> None:
    tags = [(await client.get(f"/value?v={v}")).headers["etag"] for v in ("a", "a", "b")]
    assert tags[0] == tags[1] != tags[2]


@pytest.mark.parametrize("known", ["{tag}", '"x", {tag}', "*", "{strong}", ' W/"y" ,{tag}'])
async def test_who_has_it_is_sent_no_body(client: httpx2.AsyncClient, known: str) -> None:
    tag = (await client.get("/value?v=a")).headers["etag"]
    condition = known.format(tag=tag, strong=tag.removeprefix("W/"))
    answer = await client.get("/value?v=a", headers={"If-None-Match": condition})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    assert answer.headers["x-request-id"] == "1"
    assert not {"content-length", "content-type", "x-other"} & set(answer.headers)


@pytest.mark.parametrize("known", ["", '"x"', "nonsense", '"', "W/"])
async def test_who_has_another_is_sent_all(client: httpx2.AsyncClient, known: str) -> None:
    answer = await client.get("/value?v=a", headers={"If-None-Match": known})
    assert (answer.status_code, answer.json()) == (200, {"value": "a"})


@pytest.mark.parametrize(("method", "path"), [("POST", "/value"), ("GET", "/refused"), ("GET", "/stream")])
async def test_other_answers_have_no_tag(client: httpx2.AsyncClient, method: str, path: str) -> None:
    answer = await client.request(method, path, headers={"If-None-Match": "*"})
    assert answer.status_code != 304
    assert "etag" not in answer.headers
    assert answer.json()
