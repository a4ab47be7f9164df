"""All that is known of an exchange, as names and values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import UUID

from markupsafe import Markup

from plait.common.queries.records import Exchange
from plait.dashboard.islands.words import Clock, duration, exact, figure

Fact = tuple[str, Markup | str]


def facts_of(exchange: Exchange, clock: Clock) -> list[Fact]:
    """Those that have a value."""
    return [(name, value) for name, value in _all(exchange, clock) if value]


def _all(e: Exchange, clock: Clock) -> Iterator[Fact]:
    yield from _identity(e)
    yield "Started", clock.at(e.timestamp)
    yield "First token", duration(e.first_token_ms)
    yield "Duration", duration(e.duration_ms)
    yield "Status", str(e.status or "")
    yield "Outcome", e.outcome or "running"
    yield "Streamed", {True: "yes", False: "no"}.get(e.streamed, "") if e.streamed is not None else ""
    yield "Tool calls", figure(e.tool_call_count)
    yield "All tokens", exact(e.total_tokens)
    yield from _links(e)


def _identity(e: Exchange) -> Iterator[Fact]:
    yield "Request", _code(e.request_id)
    yield "Path", f"{e.method} {e.path}"
    yield "Model", e.model or ""
    yield "Domain", e.domain
    yield "Account", e.account_id or ""
    yield "Key", e.key_name or ""
    yield "Tag", e.tag or ""
    yield "Session", _code(e.session_id)
    yield "Agent", _code(e.agent_id)
    yield "Kind", " · ".join(filter(None, (e.kind, e.side_kind)))


def _links(e: Exchange) -> Iterator[Fact]:
    yield "Link", e.link_kind or "none: a side call"
    if e.evidence:
        yield "Decided by", e.evidence.rule
        yield "Evidence", _code(json.dumps(e.evidence.detail, ensure_ascii=False) if e.evidence.detail else "")
    yield "Conversation", _link("conversation", e.conversation_id)
    yield "Branch", e.branch_id or ""
    yield "Parent", _link("request", e.parent_request_id)
    yield "Serves", _link("request", e.serves_request_id)
    yield "Retry of", _link("request", e.retry_of)
    yield "Sub-task of", _link("request", e.parent_task_request_id)


def _code(value: object) -> Markup:
    return Markup("<code>{}</code>").format(value) if value else Markup("")


def _link(page: str, target: UUID | None) -> Markup:
    if target is None:
        return Markup("")
    return Markup('<a href="/{}?id={}"><code>{}</code></a>').format(page, target, target)
