"""Query parameters of the figures: spans of time in any zone, and filters."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, ClassVar, Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from plait.api.errors import BadParameter
from plait.api.parameters import Kind, Parameters, Text
from plait.common.buckets import Span, midnight, zones
from plait.common.queries.cache import CacheFilter, CacheKey
from plait.common.queries.usage import Key, UsageFilter

_DAY: Final = timedelta(days=1)
_MOST_BUCKETS: Final = 10_000
_MOST_SESSIONS: Final = 200
_USUAL_SESSIONS: Final = 100
_USUAL_ROWS: Final = 1000
_MOST_POINTS: Final = 5_000
_UNIT: Final = {"day": _DAY, "hour": timedelta(hours=1)}


def _local(text: Any) -> datetime:
    """A time; one that names no zone is not in one yet. A date alone is its midnight."""
    try:
        return datetime.fromisoformat(str(text).replace(" ", "+") if "T" in str(text) else str(text))
    except ValueError as error:
        raise ValueError("no ISO 8601 time, such as 2026-11-21T12:00:00Z") from error


def _local_end(text: Any) -> datetime:
    """As `_local`, but a date alone means its end."""
    found = _local(text)
    try:
        return datetime.combine(date.fromisoformat(str(text)) + _DAY, found.time())
    except ValueError:
        return found
    except OverflowError as error:
        raise ValueError("too late") from error


def _known_zone(name: str) -> str:
    if name not in zones():
        raise ValueError("no time zone, such as Europe/Berlin or UTC")
    return name


Start = Annotated[datetime, BeforeValidator(_local)]
End = Annotated[datetime, BeforeValidator(_local_end)]
Zone = Annotated[str, Field(max_length=64), AfterValidator(_known_zone)]
_ZONE: Final = "Time zone whose days and hours are meant, such as Europe/Berlin."


class OfDomain(Parameters):
    """What can be asked of one domain alone."""

    domain: Text | None = Field(None, description="The Host that clients called.")


class OfAccount(OfDomain):
    """What can be asked of one account alone."""

    account_id: Text | None = Field(None, description="The account that was used.")


class Filters(OfAccount):
    """Filters of sums; those that are given must all match."""

    model: Text | None = Field(None, description="The model's whole name.")
    kind: Kind | None = Field(None, description="What sort of call it was.")
    key_name: Text | None = Field(None, description="The client key's name.")
    tag: Text | None = Field(None, description="The tag in the client's address.")
    agent_type: Text | None = Field(None, description="The type of sub-agent, as the client named it.")

    @property
    def where(self) -> UsageFilter:
        """What counts."""
        return UsageFilter(
            domain=self.domain,
            account_id=self.account_id,
            model=self.model,
            kind=self.kind,
            key_name=self.key_name,
            tag=self.tag,
            agent_type=self.agent_type,
        )


class Spanned(Parameters):
    """What can be asked of a span of time."""

    usual_days: ClassVar[int] = 30
    """How long it is, today included, if nothing is said."""

    tz: Zone = Field("UTC", description=_ZONE)
    since: Start | None = Field(None, description="Began then or later; without a zone in `tz`.")
    until: End | None = Field(None, description="Began before; without a zone in `tz`; a date alone has its whole day.")

    @field_validator("since", "until")
    @classmethod
    def _in_zone(cls, at: datetime | None, given: ValidationInfo) -> datetime | None:
        if at is None:
            return None
        try:
            return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(given.data.get("tz", "UTC")))).astimezone(UTC)
        except OverflowError as error:
            raise ValueError("out of range") from error

    @property
    def zone(self) -> ZoneInfo:
        """Whose days and hours are meant."""
        return ZoneInfo(self.tz)

    def span(self, now: datetime) -> Span:
        """From when until when.

        Raises:
            BadParameter: it has no length.
        """
        try:
            since = self.since or midnight((self.until or now) - (self.usual_days - 1) * _DAY, self.zone)
        except OverflowError as error:
            raise BadParameter("until", "too early") from error
        if self.until is not None and self.until <= since:
            raise BadParameter("until", "must be later than since")
        return Span(since, self.until)


class Usage(Filters, Spanned):
    """What `GET /api/usage` sums, and by what."""

    group_by: Literal["day", "hour"] | Key = Field(
        "day", alias="group_by", description="What the sums are split by; `agent` is the type of sub-agent."
    )
    limit: int | None = Field(
        None, ge=1, le=10_000, description="Most rows, but for days and hours: 1000, of sessions 100 and at most 200."
    )

    @field_validator("limit")
    @classmethod
    def _few_sessions(cls, limit: int | None, given: ValidationInfo) -> int | None:
        if given.data.get("group_by") == "session" and limit is not None and limit > _MOST_SESSIONS:
            raise ValueError(f"must be at most {_MOST_SESSIONS} sessions")
        return limit

    @property
    def most(self) -> int:
        """How many rows, if it is not days or hours."""
        return self.limit or (_USUAL_SESSIONS if self.group_by == "session" else _USUAL_ROWS)

    def time_span(self, now: datetime) -> Span:
        """From when until when, for days and hours.

        Raises:
            BadParameter: it has no length, or too many of them.
        """
        span = self.span(now)
        if ((span.until or now) - span.since) / _UNIT[self.group_by] > _MOST_BUCKETS:
            raise BadParameter("since", f"more than {_MOST_BUCKETS:,} {self.group_by}s before the end")
        if span.since > (span.until or now):
            raise BadParameter("since", "lies in the future")
        return span


class Current(OfAccount):
    """What `GET /api/token-usage/current` sums."""

    model: Text | None = Field(None, description="The model's whole name.")
    window: int = Field(300, ge=1, le=44_640, description="How many minutes, up to now.")


class Daily(OfAccount):
    """What `GET /api/token-usage/daily` sums."""

    days: int = Field(30, ge=1, le=366, description="How many days, today included.")
    aggregate: bool = Field(False, description="One row a day, whatever the account, domain and model.")
    tz: Zone = Field("UTC", description=_ZONE)

    @property
    def zone(self) -> ZoneInfo:
        """Whose days are meant."""
        return ZoneInfo(self.tz)

    def span(self, now: datetime) -> Span:
        """From the midnight with which the first day begins."""
        return Span(midnight(now - (self.days - 1) * _DAY, self.zone))


class TimeSeries(OfAccount):
    """What `GET /api/token-usage/time-series` draws."""

    window: int = Field(5, ge=1, le=168, description="How many hours, up to now.")
    interval: int = Field(5, ge=1, le=1440, description="Minutes from one point to the next.")

    @field_validator("interval")
    @classmethod
    def _not_too_fine(cls, interval: int, given: ValidationInfo) -> int:
        return _points(60 * given.data.get("window", 0), interval)


class SlidingWindow(OfAccount):
    """What `GET /api/analytics/token-usage/sliding-window` draws."""

    days: int = Field(7, ge=1, le=90, description="How many days, up to now.")
    window_hours: int = Field(5, ge=1, le=168, description="Of how many hours, up to each point, the sums are.")
    bucket_minutes: int = Field(15, ge=5, le=1440, description="Minutes from one point to the next.")

    @field_validator("bucket_minutes")
    @classmethod
    def _not_too_fine(cls, minutes: int, given: ValidationInfo) -> int:
        return _points(1440 * given.data.get("days", 0), minutes)


class Hourly(OfDomain):
    """What the hourly counts are of."""

    days: int = Field(7, ge=1, le=30, description="How many days, up to now.")

    @property
    def where(self) -> UsageFilter:
        """What counts."""
        return UsageFilter(domain=self.domain)

    def span(self, now: datetime) -> Span:
        """From so many days ago, at the beginning of an hour."""
        return Span((now - self.days * _DAY).replace(minute=0, second=0, microsecond=0))


class WindowsOf(OfAccount, Spanned):
    """Whose windows `GET /api/usage/windows` tells, open at some time of the span."""

    usual_days: ClassVar[int] = 7


class LimitsOf(Parameters):
    """Whose limits `GET /api/rate-limits` tells."""

    account_id: Text | None = Field(None, description="The account that was used.")


class Tools(OfAccount, Spanned):
    """What `GET /api/tools` counts."""

    conversation_id: UUID | None = Field(None, description="In one conversation alone: its id, or an older id of it.")


class CacheOf(OfAccount, Spanned):
    """Whose misses of the prompt cache `GET /api/analytics/cache` tells."""

    model: Text | None = Field(None, description="The model's whole name.")
    client: Text | None = Field(None, description="Name and version of the client, such as `claude-cli/2.1.329`.")
    conversation_id: UUID | None = Field(None, description="In one conversation alone: its id, or an older id of it.")
    session_id: Text | None = Field(None, description="In one of the client's sessions alone.")
    group_by: CacheKey = Field("day", alias="group_by", description="What the sums are split by.")
    limit: int = Field(50, ge=1, le=1000, description="Most rows of sums, and most single misses.")

    @property
    def where(self) -> CacheFilter:
        """What counts."""
        return CacheFilter(
            domain=self.domain,
            account_id=self.account_id,
            model=self.model,
            client=self.client,
            conversation_id=self.conversation_id,
            session_id=self.session_id,
        )


def _points(minutes: int, step: int) -> int:
    if minutes / step > _MOST_POINTS:
        raise ValueError(f"would give more than {_MOST_POINTS:,} points")
    return step
