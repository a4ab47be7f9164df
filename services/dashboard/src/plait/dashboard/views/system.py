"""System: whether the parts work, what waits to be done, what was put aside, and what went wrong last."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import streamlit as st

from plait.common.queries.exchanges import ExchangeFilter, list_exchanges
from plait.common.queries.paging import Page
from plait.dashboard import parts
from plait.dashboard.database import read
from plait.dashboard.islands.element import island
from plait.dashboard.islands.render import render
from plait.dashboard.islands.words import bytes_of
from plait.dashboard.settings import Settings
from plait.dashboard.views.shell import begin, clock
from plait.dashboard.visitor import visitor

_LAST: Final = 8
"""Failed requests that are shown."""
_RECENT: Final = timedelta(days=7)
_COUNTED: Final = {
    "dead": "plait_consumer_dead_letters_total",
    "dropped": "plait_spool_dropped_total",
    "damaged": "plait_spool_damaged_total",
    "set_aside": "plait_shipper_set_aside_total",
    "shipped": "plait_shipper_events_total",
}
"""Of the parts since they were started: what was not stored, and the events that the broker has taken."""


def show() -> None:
    """Draw the page."""
    begin("System", here="/system")
    st.title("System", anchor=False)
    settings = Settings()
    fronts = {"gateway": settings.gateway_url, "api": settings.api_url}
    asked = asyncio.run(parts.ask(fronts, settings.metrics_urls))
    whole = visitor().domains is None
    values = _values(asked if whole else parts.states(asked), bool(settings.metrics_urls))
    island(render("system.html", whole=whole, **values, **_errors()), key="system")


def _values(asked: list[parts.Part], tells: bool) -> dict[str, Any]:
    samples = [sample for part in asked for sample in part.samples]
    consumers = parts.consumers(asked)
    broker = [sample.value for sample in samples if sample.name == "plait_shipper_broker_up"]
    return {
        "parts": asked,
        "ill": sum(part.status != "ok" for part in asked) + sum(not c.is_good for c in consumers),
        "tells": tells,
        "consumers": consumers,
        "spools": parts.spools(asked),
        "size": bytes_of,
        "broker_up": bool(broker[0]) if broker else None,
        "counted": {name: int(parts.total(samples, metric)) for name, metric in _COUNTED.items()},
    }


def _errors() -> dict[str, Any]:
    since = datetime.now(UTC) - _RECENT
    failed = read(list_exchanges, ExchangeFilter(outcome="failed", since=since), Page(limit=_LAST))
    latest = read(list_exchanges, ExchangeFilter(), Page(limit=1)).rows
    return {"failed": failed.rows, "latest": latest[0] if latest else None, "clock": clock(), "days": _RECENT.days}
