"""Kinds: by hint header, by path, by the marks of the texts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.linker_domain.clients import assistant, running, user

TITLE_SCHEMA = {"format": {"type": "json_schema", "schema": {"properties": {"title": {"type": "string"}}}}}
SEARCH = {"type": "web_search_20250305", "name": "web_search"}
HINT = "x-claude-code-request-class"
FILE_SEARCH = "You are a file search specialist for Claude Code, Anthropic's official CLI for Claude."


def kind(*messages: Any, **more: Any) -> tuple[str, str | None]:
    facts = running(1, messages or [user("Hello")], **more)
    return facts.kind, facts.side_kind


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "/v1/messages/count_tokens", "count_tokens"),
        ("GET", "/v1/models", "models"),
        ("GET", "/v1/models/claude", "models"),
        ("HEAD", "/", "probe"),
        ("GET", "/api/hello", "probe"),
        ("POST", "/v1/files", "other"),
        ("GET", "/v1/messages", "other"),
    ],
)
def test_paths(method: str, path: str, expected: str) -> None:
    assert kind(method=method, path=path) == (expected, None)


@pytest.mark.parametrize(
    ("hint", "expected"),
    [("main", "inference"), ("subagent", "subagent"), ("workflow", "subagent"), ("compaction", "compaction")],
)
def test_hints_decide(hint: str, expected: str) -> None:
    assert kind(user("Warmup"), headers={HINT: hint}) == (expected, None)


def test_a_hinted_side_request_still_says_which() -> None:
    assert kind(user("[SUGGESTION MODE: next]"), headers={HINT: "auxiliary"}) == ("auxiliary", "suggestion")
    assert kind(user("Something new"), headers={HINT: "auxiliary"}) == ("auxiliary", None)


@pytest.mark.parametrize(
    ("more", "last", "expected"),
    [
        ({"output_config": TITLE_SCHEMA}, "x", "title"),
        ({"system": "You are naming a coding session so that…"}, "x", "title"),
        ({"system": [{"type": "text", "text": "Do it. Generate a short kebab-case name."}]}, "x", "title"),
        ({}, "Please write a 5-10 word title for this", "title"),
        ({"tools": [SEARCH]}, "Perform a web search for the query: cats", "web_search"),
        ({"system": "You are a security monitor for autonomous AI coding agents."}, "x", "classifier"),
        ({"system": "You are evaluating a hook in Claude Code."}, "May it run?", "hook"),
        ({"system": "You are evaluating a hook condition in Claude Code.", "tools": [SEARCH]}, "May it run?", "hook"),
        ({"system": "You are evaluating a stop-condition hook in Claude Code."}, "Is all done?", "hook"),
        ({"system": "You are Claude Code, Anthropic's official CLI for Claude.", "max_tokens": 1}, "Hi", "model_check"),
        ({}, "[SUGGESTION MODE: what next]", "suggestion"),
        ({}, "<system-reminder>This is a side question from the user.</system-reminder>\n\nWhy?", "side_question"),
        ({}, "Warmup", "warmup"),
        ({"system": FILE_SEARCH, "tools": [{"name": "Bash"}]}, "Warmup", "warmup"),
        ({}, "<policy_spec>", "policy"),
        ({"system": "Extract any file paths that"}, "Command: ls", "file_paths"),
    ],
)
def test_marks_of_side_requests(more: dict[str, Any], last: str, expected: str) -> None:
    assert kind(user("a"), assistant("b"), user(last), **more) == ("auxiliary", expected)


@pytest.mark.parametrize(
    ("more", "last"),
    [
        ({"tools": [SEARCH]}, "Search for cats"),
        ({"tools": [SEARCH, {"name": "Bash"}]}, "Perform a web search for the query: cats"),
        ({"output_config": {"format": {"type": "json_schema", "schema": {"properties": {"title": {}, "x": {}}}}}}, "x"),
        ({"output_config": TITLE_SCHEMA, "tools": [{"name": "Bash"}]}, "x"),
        ({"tools": [{"name": "Bash"}]}, "Warmup"),
        ({"max_tokens": 1}, "Hi"),
        ({}, "Command: ls"),
    ],
)
def test_a_programs_own_requests_are_no_side_requests(more: dict[str, Any], last: str) -> None:
    assert kind(user(last), **more) == ("inference", None)


def test_quota() -> None:
    assert kind(user(" QUOTA\n")) == ("quota", None)
    assert kind(user("quota please")) == ("inference", None)
    assert kind(user("quota"), headers={HINT: "main"}) == ("quota", None)
    assert kind(user("quota"), headers={HINT: "subagent"}) == ("subagent", None)


@pytest.mark.parametrize(
    ("last", "system"),
    [
        ("Your task is to create a detailed summary of the RECENT portion", ""),
        ("CRITICAL: Respond with TEXT ONLY.\nYour task is to create a detailed summary of this conversation", ""),
        ("Summarise.", "You are a helpful AI assistant tasked with summarizing conversations."),
    ],
)
def test_summary_requests(last: str, system: str) -> None:
    assert kind(user("a"), assistant("b"), user(last), system=system) == ("compaction", None)
    assert kind(user(last), assistant("b"), user("Go on")) == ("inference", None)


def test_agents() -> None:
    billing = "x-anthropic-billing-header: cc_version=2; cc_is_subagent=true;"
    assert kind(agent="a1") == ("subagent", None)
    assert kind(agent="a1", headers={HINT: "main"}) == ("subagent", None)
    assert kind(system=[{"type": "text", "text": billing}]) == ("subagent", None)
    assert kind(user(billing)) == ("inference", None)
