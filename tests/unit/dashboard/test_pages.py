"""Addresses: pages get Streamlit's client, what pages are made of passes, anything else is told to be none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse

from plait.dashboard.front import app
from plait.dashboard.front.index import index
from plait.dashboard.front.pages import PATHS, Pages
from tests.unit.dashboard.asgi import ask

BOARD = Pages(PlainTextResponse("inside"))


def test_the_pages_are_those_of_the_script() -> None:
    pages = re.findall(r'url_path="([a-z]+)"(, default=True)?', Path(app.SCRIPT).read_text(encoding="utf-8"))
    assert {"/" if default else f"/{name}" for name, default in pages} == PATHS


@pytest.mark.parametrize("path", sorted(PATHS))
async def test_a_page_is_the_client_that_knows_where_it_is_mounted(path: str) -> None:
    answer = await ask(BOARD, path)
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-cache")
    assert answer.body.decode() == index()
    assert index().count("BACKEND_BASE_URL") == 1
    assert index().index("BACKEND_BASE_URL") < index().index('type="module"')


@pytest.mark.parametrize("path", ["/nowhere", "/conversations", "/request/x", "/index.html", "/Requests", "/requests/"])
async def test_any_other_address_is_told_to_be_none(path: str) -> None:
    answer = await ask(BOARD, path)
    assert answer.status == 404
    assert "There is no such page" in answer.body.decode()
    assert '<a href="/">' in answer.body.decode()


@pytest.mark.parametrize(
    "path", ["/static/js/a.js", "/_stcore/health", "/media/x", "/api/live", "/login", "/health", "/favicon.png"]
)
async def test_what_pages_are_made_of_passes(path: str) -> None:
    assert (await ask(BOARD, path)).body == b"inside"
