"""Answers to calls that nobody scripted: what Claude would say to the form of them, in few words."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any, Final

from plait.fakes import messages
from plait.fakes.answers import Answer, error_answer, json_answer, stream_answer
from plait.fakes.http1 import Header, header

MODELS: Final = {
    "claude-opus-5-5": "Claude Opus 5.5",
    "claude-sonnet-5-5": "Claude Sonnet 5.5",
    "claude-haiku-5-5": "Claude Haiku 5.5",
}
CHARACTERS_PER_TOKEN: Final = 4
_HEADERS: Final = (
    ("request-id", "req_01ScriptedScriptedScript"),
    ("anthropic-organization-id", "00000000-0000-4000-8000-000000000000"),
    ("anthropic-ratelimit-requests-limit", "4000"),
    ("anthropic-ratelimit-requests-remaining", "3999"),
    ("anthropic-ratelimit-requests-reset", "2030-01-01T00:00:00Z"),
)


def answer_to(method: str, target: str, headers: list[Header], body: bytes) -> Answer:
    """A fitting answer to any call."""
    path = "/" + target.split("?")[0].strip("/")
    if method == "HEAD":
        return json_answer({}, headers=_HEADERS)
    if path == "/api/hello":
        return json_answer({"message": "hello"}, headers=_HEADERS)
    if header(headers, "x-api-key") is None and header(headers, "authorization") is None:
        return error_answer(401, "x-api-key header is required", headers=_HEADERS)
    if method == "GET" and path.startswith("/v1/models"):
        return _models(path.removeprefix("/v1/models").strip("/"))
    if method == "POST" and path in ("/v1/messages", "/v1/messages/count_tokens"):
        return _about(_decoded(headers, body), counting=path.endswith("count_tokens"))
    return error_answer(404, "Not found", headers=_HEADERS)


def _decoded(headers: list[Header], body: bytes) -> bytes:
    """The body without its compression; as it is when it is not what it says."""
    if header(headers, "content-encoding") != "gzip":
        return body
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error):
        return body


def _models(wanted: str) -> Answer:
    listed = [
        {"type": "model", "id": name, "display_name": title, "created_at": "2026-09-01T00:00:00Z"}
        for name, title in MODELS.items()
    ]
    if not wanted:
        ends = {"first_id": listed[0]["id"], "last_id": listed[-1]["id"]}
        return json_answer({"data": listed, "has_more": False, **ends}, headers=_HEADERS)
    found = next((model for model in listed if model["id"] == wanted), None)
    if found is None:
        return error_answer(404, f"model: {wanted}", headers=_HEADERS)
    return json_answer(found, headers=_HEADERS)


def _about(body: bytes, *, counting: bool) -> Answer:
    try:
        asked = json.loads(body)
    except ValueError:
        return error_answer(400, "The request body is not valid JSON", headers=_HEADERS)
    needed = ("model", "messages") if counting else ("model", "messages", "max_tokens")
    missing = next((name for name in needed if not isinstance(asked, dict) or name not in asked), None)
    if missing:
        return error_answer(400, f"{missing}: Field required", headers=_HEADERS)
    tokens = max(1, len(body) // CHARACTERS_PER_TOKEN)
    if counting:
        return json_answer({"input_tokens": tokens}, headers=_HEADERS)
    reply = _reply(asked, tokens)
    if asked.get("stream"):
        return stream_answer(messages.events_of(reply), headers=_HEADERS)
    return json_answer(reply, headers=_HEADERS)


def _reply(asked: dict[str, Any], tokens: int) -> dict[str, Any]:
    words = f"You said: {_last_words(asked['messages'])[:200]}"
    counts = messages.usage(tokens, max(1, len(words) // CHARACTERS_PER_TOKEN))
    return messages.message(messages.text(words), model=str(asked["model"]), counts=counts)


def _last_words(history: Any) -> str:
    content = history[-1].get("content") if isinstance(history, list) and history else ""
    if isinstance(content, str):
        return content
    texts = [block.get("text") for block in content or [] if isinstance(block, dict)]
    return next((words for words in reversed(texts) if isinstance(words, str)), "")
