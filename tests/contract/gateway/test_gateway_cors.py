"""Pages of other origins: allowed where the operator lists them, and left to Claude where he does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from plait.fakes.answers import json_answer
from plait.fakes.claude import ScriptedClaude
from plait.fakes.client import Received
from plait.fakes.http1 import Header
from plait.gateway.settings import RelaySettings
from tests.contract.gateway.relaying import Gateway, relaying

TOOL = "https://tool.example.com"
ORIGIN: Header = ("Origin", TOOL)
PREFLIGHT: list[Header] = [
    ("Access-Control-Request-Method", "POST"),
    ("Access-Control-Request-Headers", "x-api-key,anthropic-version"),
]


@pytest.fixture(autouse=True)
def byte_lane() -> None:
    """What comes from another origin does not go down the lane: there is one way through only."""


def allowed(received: Received) -> dict[str, str]:
    """The CORS fields of an answer; none of them may come twice."""
    fields = [(name.lower(), value) for name, value in received.headers if name.lower().startswith("access-control-")]
    assert len(dict(fields)) == len(fields)
    return dict(fields)


async def preflight(gateway: Gateway, origin: Header) -> Received:
    return await gateway.get("/v1/messages", method="OPTIONS", headers=[origin, *PREFLIGHT])


async def test_a_listed_origin_is_answered_by_us(claude: ScriptedClaude, tmp_path: Path) -> None:
    async with relaying(claude.url, tmp_path, cors_origins=f"https://a.test, {TOOL}") as gateway:
        asked = await preflight(gateway, ORIGIN)
    assert asked.status == 204
    assert asked.request_id
    assert allowed(asked) == {
        "access-control-allow-origin": TOOL,
        "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
        "access-control-allow-headers": "x-api-key,anthropic-version",
        "access-control-max-age": "600",
    }
    assert claude.calls == []


async def test_answers_and_refusals_can_be_read_by_a_listed_origin(claude: ScriptedClaude, tmp_path: Path) -> None:
    claude.rules.append(lambda _: json_answer({}, headers=(("Access-Control-Allow-Origin", "*"),)))
    async with relaying(claude.url, tmp_path, cors_origins=TOOL, max_request_bytes=10) as gateway:
        received = await gateway.post(headers=[ORIGIN])
        refused = await gateway.post(b"x" * 11, headers=[ORIGIN])
    assert (received.status, refused.status) == (200, 413)
    for answer in (received, refused):
        assert allowed(answer) == {"access-control-allow-origin": TOOL, "access-control-expose-headers": "*"}


@pytest.mark.parametrize("listed", ["", "https://other.example.com"])
async def test_of_all_others_nothing_is_added_and_nothing_taken(
    claude: ScriptedClaude, tmp_path: Path, listed: str
) -> None:
    claude.rules.append(lambda _: json_answer({}, headers=(("access-control-allow-origin", "*"),)))
    async with relaying(claude.url, tmp_path, cors_origins=listed) as gateway:
        asked, received = await preflight(gateway, ORIGIN), await gateway.post(headers=[ORIGIN])
    assert [call.method for call in claude.calls] == ["OPTIONS", "POST"]
    assert claude.calls[0].header("access-control-request-method") == "POST"
    assert allowed(asked) == allowed(received) == {"access-control-allow-origin": "*"}


@pytest.mark.parametrize(
    "wrong", ["*", "tool.example.com", "https://tool.example.com/", "https://a.test,,https://b.test"]
)
def test_what_is_no_origin_is_refused_at_the_start(wrong: str) -> None:
    with pytest.raises(ValidationError, match="cors_origins"):
        RelaySettings(_env_file=None, masking_key="ab" * 32, cors_origins=wrong)
