"""docs/api.md: its table of routes is that of the API, and its examples are what the API answers.

In an example `…` stands for anything: as a value, as the end of a text, of a list, or (as a name) of an object.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.contract.api.conftest import KEY

DEMO, RECORDED = "subagent-one.example.test", "subagent_one.test"
"""One domain, as `plait demo` names it and as the record of these tests does."""
PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8").replace(DEMO, RECORDED)
EXAMPLES: list[tuple[str, str, str]] = re.findall(
    r'^```sh\ncurl -H "X-Dashboard-Key: \$KEY" "\$API(\S+)"\n```\n\n```(json|text)\n(.*?)^```$', PAGE, re.M | re.S
)
ANY = "…"


async def test_the_table_is_of_all_routes(recorded: httpx2.AsyncClient) -> None:
    paths = (await recorded.get("/openapi.json")).json()["paths"]
    wanted = [row(method, path, found) for path, each in paths.items() for method, found in each.items()]
    told = [line for line in PAGE.split("\n") if line.startswith(("| `GET ", "| `POST ", "| `PUT ", "| `DELETE "))]
    assert sorted(told) == sorted(wanted)


def row(method: str, path: str, operation: dict[str, Any]) -> str:
    names = [f"`{one['name']}`" for one in operation.get("parameters", []) if one["in"] == "query"]
    return f"| `{method.upper()} {path}` | {', '.join(names)} | {operation['summary']} |"


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 7


@pytest.mark.parametrize(("path", "form", "text"), EXAMPLES, ids=[path for path, _, _ in EXAMPLES])
async def test_examples_are_true(recorded: httpx2.AsyncClient, path: str, form: str, text: str) -> None:
    answer = await recorded.get(path, headers=KEY)
    assert answer.status_code == 200, answer.text
    if form == "json":
        assert_like(answer.json(), json.loads(text), path)
    else:
        assert_like(answer.text, text.rstrip("\n"), path)


def assert_like(found: Any, told: Any, where: str) -> None:
    if isinstance(told, str) and told.endswith(ANY):
        assert told == ANY or found.startswith(told.removesuffix(ANY)), where
    elif isinstance(told, dict):
        open_ended = ANY in told
        assert set(found) >= set(told) - {ANY} if open_ended else list(found) == list(told), where
        for name in set(told) - {ANY}:
            assert_like(found[name], told[name], f"{where}.{name}")
    elif isinstance(told, list):
        shown = [one for one in told if one != ANY]
        assert len(found) >= len(shown) if ANY in told else len(found) == len(shown), where
        for number, one in enumerate(shown):
            assert_like(found[number], one, f"{where}[{number}]")
    else:
        assert found == told, where


def test_what_is_like_what() -> None:
    assert_like({"a": "bcd", "e": [1, 2], "f": 0}, {"a": "b…", "e": [1, "…"], "…": "…"}, "")
    for found, told in (({"a": 1, "b": 2}, {"a": 1}), ([1, 2], [1]), ("abc", "b…"), ([], [1, "…"]), (1, 2)):
        with pytest.raises(AssertionError):
            assert_like(found, told, "")
