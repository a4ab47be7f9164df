"""Query parameters: what each may be. Anything else is refused by its name."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import Request
from msgspec import structs
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic.alias_generators import to_camel

from plait.api.errors import BadParameter
from plait.api.raw import Part
from plait.common.analysis import LONGEST_WISH
from plait.common.queries.analyses import AnalysisFilter, State
from plait.common.queries.conversations import ConversationFilter
from plait.common.queries.exchanges import ExchangeFilter
from plait.common.queries.paging import Cursor, Page
from plait.common.queries.search import Place as SearchPlace
from plait.common.search.query import Query, parse

Kind = Literal["inference", "subagent", "compaction", "auxiliary", "count_tokens", "quota", "models", "probe", "other"]
Ending = Literal["complete", "interrupted", "failed", "aborted", "rejected", "running"]
_DAY: Final = timedelta(days=1)
_LAST: Final = datetime.max.replace(tzinfo=UTC)


def _no_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("a NUL character is in it")
    return text


def _moment(text: Any) -> datetime:
    """A time with its zone, UTC where it names none; a date alone is its midnight."""
    try:
        found = datetime.fromisoformat(str(text).replace(" ", "+") if "T" in str(text) else str(text))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError("no ISO 8601 time, such as 2026-11-21T12:00:00Z") from error


def _end(text: Any) -> datetime:
    """As `_moment`, but a date alone means its end: `until=2026-11-21` has that day in it."""
    found = _moment(text)
    try:
        date.fromisoformat(str(text))
    except ValueError:
        return found
    return found + min(_DAY, _LAST - found)


def _cursor(text: Any) -> Cursor:
    return Cursor.parse(str(text))


def _place(text: Any) -> SearchPlace:
    return SearchPlace.parse(str(text))


Text = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_no_nul)]
Words = Annotated[str, Field(max_length=500), AfterValidator(_no_nul)]
Start = Annotated[datetime, BeforeValidator(_moment)]
End = Annotated[datetime, BeforeValidator(_end)]
After = Annotated[
    Cursor,
    PlainValidator(_cursor),
    WithJsonSchema({"type": "string", "minLength": 32, "maxLength": 32, "pattern": "^[A-Za-z0-9_-]{32}$"}),
]
Place = Annotated[
    SearchPlace,
    PlainValidator(_place),
    WithJsonSchema({"type": "string", "pattern": r"^[wb]\.[0-9]{1,13}\.[0-9]{1,4}$"}),
]


class Parameters(BaseModel):
    """Parameters of a route, camelCase; others than the declared are refused."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, frozen=True)


class Paged(Parameters):
    """Parameters of a list."""

    limit: int = Field(100, ge=1, le=1000, description="Rows of the page.")
    offset: int = Field(0, ge=0, le=1_000_000_000, description="Rows before the page.")
    cursor: After | None = Field(
        None,
        description="`nextCursor` of the page before, instead of an offset: as quick on the last page as on the first.",
    )

    @field_validator("cursor")
    @classmethod
    def _one_way(cls, cursor: Cursor | None, given: ValidationInfo) -> Cursor | None:
        if cursor is not None and given.data.get("offset"):
            raise ValueError("stands instead of offset, not beside it")
        return cursor

    @property
    def page(self) -> Page:
        """Where the page lies."""
        return Page(self.limit, self.offset, self.cursor)


class ExchangesThat(Parameters):
    """Which exchanges; filters that are given must all match."""

    domain: Text | None = Field(None, description="The Host that clients called.")
    conversation_id: UUID | None = Field(None, description="Its id, or an older id of it.")
    session_id: Text | None = Field(None, description="The client's own session id.")
    kind: Kind | None = Field(None, description="What sort of call it was.")
    model: Text | None = Field(None, description="The model's whole name.")
    status: Annotated[int, Field(ge=100, le=599)] | Ending | None = Field(
        None, description="HTTP status, or how it ended."
    )
    since: Start | None = Field(None, description="Began then or later: ISO 8601; without a zone UTC.")
    until: End | None = Field(None, description="Began before; a date alone has its whole day in it.")

    @property
    def filter(self) -> ExchangeFilter:
        """What to look for."""
        ending = self.status if isinstance(self.status, str) else None
        return ExchangeFilter(
            domain=self.domain,
            conversation_id=self.conversation_id,
            session_id=self.session_id,
            kind=self.kind,
            model=self.model,
            status=self.status if isinstance(self.status, int) else None,
            outcome=ending if ending != "running" else None,
            running=ending == "running",
            since=self.since,
            until=self.until,
        )


class RequestList(Paged, ExchangesThat):
    """Parameters of `GET /api/requests`."""

    q: Words | None = Field(
        None,
        description="Contained in the first line of the prompt, the path, model or id, of the newest 20,000 that match"
        " the other filters: `nextCursor` leads to those before. `/api/search` finds whatever was said.",
    )

    @property
    def filter(self) -> ExchangeFilter:
        """What to look for."""
        return structs.replace(super().filter, q=self.q or None)


class Search(ExchangesThat):
    """Parameters of `GET /api/search`."""

    q: Annotated[str, Field(max_length=1000), AfterValidator(_no_nul)] = Field(
        description='What to look for: words, `"a phrase"`, `-not` this.', examples=['retry "connection reset" -test']
    )
    limit: int = Field(20, ge=1, le=100, description="Hits of the page, at most.")
    cursor: Place | None = Field(None, description="`nextCursor` of the page before.")

    @field_validator("q")
    @classmethod
    def _readable(cls, line: str) -> str:
        parse(line)
        return line

    @property
    def query(self) -> Query:
        """What to look for."""
        return parse(self.q)


class SessionOf(Parameters):
    """How `GET /api/requests/{id}/session` names the session and where it goes on."""

    session_id: UUID | None = Field(None, description="The new session's id; the same for each call if not given.")
    cwd: Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(_no_nul)] = Field(
        "/", description="Folder in which the client goes on."
    )


class ConversationList(Paged):
    """Filters of `GET /api/conversations`; those that are given must all match."""

    limit: int = Field(50, ge=1, le=1000, description="Rows of the page.")
    domain: Text | None = Field(None, description="The Host that clients called.")
    account_id: Text | None = Field(None, description="The account that was used.")
    session_id: Text | None = Field(None, description="One of the conversation's sessions.")
    date_from: Start | None = Field(None, description="Active then or later: ISO 8601; without a zone UTC.")
    date_to: End | None = Field(None, description="Begun before; a date alone has its whole day in it.")
    q: Words | None = Field(None, description="Contained in the title or id.")

    @property
    def filter(self) -> ConversationFilter:
        """What to look for."""
        return ConversationFilter(
            domain=self.domain,
            account_id=self.account_id,
            session_id=self.session_id,
            date_from=self.date_from,
            date_to=self.date_to,
            q=self.q or None,
        )


class AnalysisWish(Parameters):
    """What may be said with an analysis that is asked for."""

    custom_prompt: Annotated[str, Field(max_length=LONGEST_WISH), AfterValidator(_no_nul)] | None = Field(
        None,
        description="What this analysis should look at besides the usual.",
        examples=["Where did it lose sight of the tests?"],
    )


class AnalysisOf(AnalysisWish):
    """Body of `POST /api/analyses`."""

    conversation_id: UUID = Field(
        description="Its id, or an older id of it.", examples=["b498ec92-b0d4-50a9-aad0-be3e2213e5d5"]
    )
    branch_id: Text = Field("main", description="Name of one of its branches.", examples=["main"])


class AnalysisList(Paged):
    """Filters of `GET /api/analyses`; those that are given must all match."""

    limit: int = Field(50, ge=1, le=1000, description="Rows of the page.")
    domain: Text | None = Field(None, description="The Host that clients called.")
    conversation_id: UUID | None = Field(None, description="The conversation's present id.")
    status: State | None = Field(None, description="What state they are in.")
    since: Start | None = Field(None, description="Asked for then or later: ISO 8601; without a zone UTC.")
    until: End | None = Field(None, description="Asked for before; a date alone has its whole day in it.")

    @property
    def filter(self) -> AnalysisFilter:
        """What to look for."""
        return AnalysisFilter(
            domain=self.domain,
            conversation_id=self.conversation_id,
            status=self.status,
            since=self.since,
            until=self.until,
        )


class RawOf(Parameters):
    """What `GET /api/requests/{id}/raw` gives."""

    part: Part | None = Field(None, description="One message or body alone; both messages if it is not given.")


class ExportAs(Parameters):
    """The form of `GET /api/conversations/{id}/export`."""

    format: Literal["jsonl", "md", "html"] = Field(
        "jsonl", description="jsonl: an exchange file, for programs; md and html: for people, each message once."
    )


class StatisticsOf(Parameters):
    """What `GET /api/stats` sums over."""

    domain: Text | None = Field(None, description="The Host that clients called.")
    since: Start | None = Field(None, description="Began then or later; the last 24 hours if it is not given.")


async def once(request: Request) -> None:
    """Refuse a parameter that is given twice: which one was meant?

    Raises:
        BadParameter: names it.
    """
    counts = Counter(name for name, _ in request.query_params.multi_items())
    if twice := next((name for name, count in counts.items() if count > 1), None):
        raise BadParameter(twice, "given more than once")


async def none(request: Request) -> None:
    """Refuse every parameter, where a route takes none.

    Raises:
        BadParameter: names one.
    """
    for name in request.query_params:
        raise BadParameter(name, "no such parameter")
