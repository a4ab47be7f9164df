"""What a request is for: its kind and, of an auxiliary one, which (linking.md, "Words").

Clients that send hint headers say it themselves; of the others the marks of their texts speak.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, Literal

from plait.linker.domain.facts import Kind
from plait.linker.domain.sent import Sent

SideKind = Literal[
    "title",
    "web_search",
    "classifier",
    "hook",
    "model_check",
    "suggestion",
    "side_question",
    "warmup",
    "policy",
    "file_paths",
]
HINT: Final = "x-claude-code-request-class"
AGENT: Final = "x-claude-code-agent-id"
SUMMARY_TASK: Final = "Your task is to create a detailed summary of"
_SUMMARY_PREFACE: Final = "CRITICAL: Respond with TEXT ONLY"
_SUMMARISER: Final = "tasked with summarizing conversations"
_BILLING: Final = "x-anthropic-billing-header"
_IDENTITY: Final = "You are Claude Code"
_HOOKS: Final = ("You are evaluating a hook", "You are evaluating a stop-condition hook")
"""How the system prompts of those begin that judge a prompt hook of the user's."""
_AGENTS_OWN: Final = "specialist for Claude Code"
"""In the system prompts of the agents that older clients bring with them."""
_SUGGESTION: Final = re.compile(r"\s*\[SUGGESTION MODE:")
SEARCH_TASK: Final = "Perform a web search for the query:"
_HINTED: Final[dict[str, Kind]] = {
    "main": "inference",
    "subagent": "subagent",
    "workflow": "subagent",
    "compaction": "compaction",
    "auxiliary": "auxiliary",
}


def kind_of(sent: Sent) -> tuple[Kind, SideKind | None]:
    """The kind of a request, and of an auxiliary one its side kind if that is known."""
    by_path = _kind_of_path(sent)
    if by_path:
        return by_path, None
    hinted = _HINTED.get(sent.headers.get(HINT, ""))
    if hinted in (None, "inference", "auxiliary") and sent.last_text.lower() == "quota":
        return "quota", None
    if hinted == "inference" and is_agent(sent):
        return "subagent", None
    if hinted and hinted != "auxiliary":
        return hinted, None
    side = next((name for name, mark in _SIDE_MARKS if mark(sent)), None)
    if side or hinted:
        return "auxiliary", side
    if is_summary_request(sent):
        return "compaction", None
    return ("subagent" if is_agent(sent) else "inference"), None


def is_summary_request(sent: Sent) -> bool:
    """Whether the text of a compaction stands at the end, or the older system prompt of one."""
    text = sent.last_text
    if text.startswith(SUMMARY_TASK) or (text.startswith(_SUMMARY_PREFACE) and SUMMARY_TASK in text):
        return True
    return any(_SUMMARISER in system for system in sent.system)


def is_agent(sent: Sent) -> bool:
    """Whether a sub-agent speaks: by its id or the flag in the billing block."""
    flagged = (text for text in sent.system if text.startswith(_BILLING))
    return bool(sent.headers.get(AGENT)) or any("cc_is_subagent=true" in text for text in flagged)


def _kind_of_path(sent: Sent) -> Kind | None:
    """What the method and path decide; None for a messages request."""
    path = sent.path.rstrip("/")
    if path == "/v1/messages" and sent.method == "POST":
        return None if isinstance(sent.body.get("messages"), list) else "other"
    if path == "/v1/messages/count_tokens":
        return "count_tokens"
    if path == "/v1/models" or path.startswith("/v1/models/"):
        return "models"
    if sent.method == "HEAD" or path in ("", "/api/hello"):
        return "probe"
    return "other"


def _is_title(sent: Sent) -> bool:
    if sent.last_text.startswith("Please write a 5-10 word title"):
        return True
    if any(
        t.startswith("You are naming a coding session") or "Generate a short kebab-case name" in t for t in sent.system
    ):
        return True
    return not sent.tools and _schema_properties(sent.body) == {"title"}


def _schema_properties(body: dict[str, Any]) -> set[str]:
    """The properties of the JSON schema that the answer must fit."""
    config = body.get("output_config")
    wanted = config.get("format") if isinstance(config, dict) else body.get("output_format")
    schema = wanted.get("schema") if isinstance(wanted, dict) and wanted.get("type") == "json_schema" else None
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return set(properties) if isinstance(properties, dict) else set()


def _is_web_search(sent: Sent) -> bool:
    only = sent.tools[0] if len(sent.tools) == 1 else None
    named = isinstance(only, dict) and str(only.get("type", "")).startswith("web_search_")
    return named and sent.last_text.startswith(SEARCH_TASK)


def _is_classifier(sent: Sent) -> bool:
    mark = "You are a security monitor for autonomous AI coding agents"
    return not sent.tools and any(text.startswith(mark) for text in sent.system)


def _is_hook(sent: Sent) -> bool:
    """The user's prompt hooks are judged by requests of their own, before a tool or after a turn."""
    return any(text.startswith(_HOOKS) for text in sent.system)


def _is_model_check(sent: Sent) -> bool:
    """The CLI tries a model that was chosen by its name."""
    own = any(text.startswith(_IDENTITY) for text in sent.system)
    return own and not sent.tools and sent.body.get("max_tokens") == 1 and sent.last_text == "Hi"


def _is_suggestion(sent: Sent) -> bool:
    return any(_SUGGESTION.match(text) for text in sent.newest_texts)


def _is_side_question(sent: Sent) -> bool:
    return any("This is a side question from the user" in text[:200] for text in sent.newest_texts)


def _is_warmup(sent: Sent) -> bool:
    """CLI 2.0.77 warms its agents up with their tools, 2.0.74 did without."""
    return sent.last_text == "Warmup" and (not sent.tools or any(_AGENTS_OWN in text for text in sent.system))


def _is_policy(sent: Sent) -> bool:
    return not sent.tools and sent.last_text.startswith("<policy_spec>")


def _is_file_paths(sent: Sent) -> bool:
    asked = not sent.tools and sent.last_text.startswith("Command: ")
    return asked and any("Extract any file paths" in text for text in sent.system)


_SIDE_MARKS: Final[tuple[tuple[SideKind, Callable[[Sent], bool]], ...]] = (
    ("title", _is_title),
    ("web_search", _is_web_search),
    ("classifier", _is_classifier),
    ("hook", _is_hook),
    ("model_check", _is_model_check),
    ("suggestion", _is_suggestion),
    ("side_question", _is_side_question),
    ("warmup", _is_warmup),
    ("policy", _is_policy),
    ("file_paths", _is_file_paths),
)
