"""Rows of the query module, made for tests of what draws them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from plait.common.queries.exchanges import ExchangeSummary

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def number(n: int) -> UUID:
    """The id of the nth exchange."""
    return UUID(int=n + 1)


def exchange(n: int, parent: int | None = None, branch: str = "main", **facts: Any) -> ExchangeSummary:
    """The nth exchange, which began n seconds after START and took half a second."""
    values: dict[str, Any] = {
        **dict.fromkeys(ExchangeSummary.__struct_fields__),
        "request_id": number(n),
        "domain": "a.test",
        "kind": "inference",
        "timestamp": START + timedelta(seconds=n),
        "method": "POST",
        "path": "/v1/messages",
        "status": 200,
        "outcome": "complete",
        **dict.fromkeys((f for f in ExchangeSummary.__struct_fields__ if f.endswith("tokens")), 0),
        "duration_ms": 500.0,
        "message_count": 1,
        "tool_call_count": 0,
        "branch_id": branch,
        "parent_request_id": None if parent is None else number(parent),
        "link_kind": "root" if parent is None else "continue",
        "is_subtask": False,
        "preview": f"turn {n}",
        **facts,
    }
    return ExchangeSummary(**values)
