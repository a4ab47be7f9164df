"""What the page of usage reads, kept for some seconds: sums over months cost more to read than to draw."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import streamlit as st

from plait.common.buckets import Span
from plait.common.queries.cache import CacheFilter, CacheMiss, CacheSum, list_dearest, sum_misses_by_cause
from plait.common.queries.series import Apart, Cell, together, usage_series
from plait.common.queries.tools import ToolUse, list_tools
from plait.common.queries.usage import Counters, UsageFilter, UsageRow, usage_by, usage_by_time
from plait.dashboard.database import read
from plait.dashboard.islands.groups import Measure, measured
from plait.dashboard.islands.stretches import Stretches
from plait.dashboard.visitor import visitor

_KEPT: Final = 10
"""Seconds."""
_DEAREST: Final = 5


@dataclass(frozen=True)
class Question:
    """What is asked for."""

    where: UsageFilter
    apart: Apart
    hourly: Measure
    """What hours are measured by."""
    stretches: Stretches

    @property
    def span(self) -> Span:
        """All of the time that is shown."""
        return Span(self.stretches.begins[0], self.stretches.until)

    @property
    def name(self) -> str:
        """The same for two that have the same answer."""
        stretches = self.stretches
        return repr((self.where, self.apart, self.hourly, stretches.unit, stretches.zone.key, self.span))


@dataclass(frozen=True)
class Used:
    """What was used."""

    all: Counters
    hours: list[tuple[datetime, float]]
    """Up to now, those without anything too."""
    cells: list[Cell]
    models: list[UsageRow]
    tools: list[ToolUse]
    causes: list[CacheSum] | None
    """None: misses are not kept by kind, key, tag and agent."""
    dearest: list[CacheMiss]


def read_used(question: Question) -> Used:
    """The answer, at most some seconds old."""
    domains = visitor().domains
    return _read((question.name, None if domains is None else tuple(sorted(domains))), question)


@st.cache_data(ttl=_KEPT, max_entries=64, show_spinner=False)
def _read(key: tuple[str, tuple[str, ...] | None], _question: Question) -> Used:
    """`key`: question and visitor, whose answers are kept apart; `read` sees to it that they differ."""
    del key
    span, where, stretches = _question.span, _question.where, _question.stretches
    hours = read(usage_by_time, "hour", span, where, zone=stretches.zone, now=datetime.now(UTC))
    causes, dearest = _misses(span, where)
    return Used(
        all=together(hours),
        hours=[(row.start, measured(row, _question.hourly)) for row in hours if isinstance(row.start, datetime)],
        cells=read(usage_series, _question.apart, stretches.begins, stretches.until, where),
        models=read(usage_by, "model", span, where),
        tools=read(list_tools, span, domain=where.domain, account_id=where.account_id),
        causes=causes,
        dearest=dearest,
    )


def _misses(span: Span, where: UsageFilter) -> tuple[list[CacheSum] | None, list[CacheMiss]]:
    if any((where.kind, where.key_name, where.tag, where.agent_type)):
        return None, []
    filters = CacheFilter(domain=where.domain, account_id=where.account_id, model=where.model)
    causes = read(sum_misses_by_cause, span, filters)
    return causes, read(list_dearest, span, filters, limit=_DEAREST) if causes else []
