"""The bodies of good answers; rows and their fields stand in `plait.common.queries`."""

from __future__ import annotations

from uuid import UUID

from msgspec import Struct

from plait.common.queries.analyses import AnalysisSummary, State
from plait.common.queries.conversations import ConversationSummary
from plait.common.queries.exchanges import ExchangeSummary
from plait.common.queries.paging import Pagination
from plait.common.queries.records import Chunk
from plait.common.queries.statistics import DomainCount


class RequestPage(Struct, frozen=True):
    """Exchanges, newest first."""

    requests: list[ExchangeSummary]
    pagination: Pagination


class Chunks(Struct, frozen=True):
    """The raw pieces of one answer, in order."""

    chunks: list[Chunk]


class ConversationPage(Struct, frozen=True):
    """Conversations, the one with the latest activity first."""

    conversations: list[ConversationSummary]
    pagination: Pagination


class AnalysisPage(Struct, frozen=True):
    """Analyses, those asked for last first."""

    analyses: list[AnalysisSummary]
    pagination: Pagination


class AnalysisAsked(Struct, frozen=True, kw_only=True, rename="camel"):
    """What asking for an analysis led to."""

    message: str
    analysis_id: UUID
    status: State


class Domains(Struct, frozen=True):
    """Domains of the last seven days, the busiest first."""

    domains: list[DomainCount]


class Check(Struct, frozen=True):
    """One thing that was looked at."""

    status: str
    """ok, degraded or unavailable."""
    message: str


class Health(Struct, frozen=True):
    """How this part is."""

    status: str
    """The worst of its checks."""
    checks: dict[str, Check]
    version: str
