"""The events that flow through Kafka: CloudEvents 1.0 in JSON, and nothing else passes between services.

Each event is one JSON object (CloudEvents structured mode, JSON format). The client's body stands in it verbatim as
`data.body` when it is valid JSON; anything else stands as `data.bodyBase64`. Times are ISO 8601 UTC, durations
milliseconds, sizes bytes. Consumers must tolerate fields they do not know: a version changes only when a meaning does.

`docs/events/` holds the JSON Schema of every event; `make schemas` writes it from these models.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

SOURCE_GATEWAY: Final = "/plait/gateway"
SOURCE_LINKER: Final = "/plait/linker"
SOURCE_IMPORT: Final = "/plait/import"
SOURCE_LEDGER: Final = "/plait/ledger"
SOURCE_ANALYSES: Final = "/plait/analyses"

Moment = Annotated[datetime, Meta(tz=True)]
"""A time with its zone: one without is refused, since its reader would have to guess."""
Outcome = Literal["complete", "interrupted", "failed", "aborted", "rejected"]
LeftOut = Literal["too_large"]
"""too_large: no event holds it."""
Header = tuple[str, str]
"""Name as received and value, latin-1 decoded; secrets are already masked."""


class Data(Struct, frozen=True, kw_only=True, rename="camel"):
    """What every event's `data` says about the exchange it belongs to."""

    exchange_id: UUID
    domain: str
    thread: str
    """Client's session id, else a hash of the first user message, else the exchange id: half of the partition key."""
    started_at: Moment
    """When the gateway had read the request's head."""


class RequestData(Data, frozen=True, kw_only=True, rename="camel"):
    """A request as the gateway received it, published as soon as its body is whole."""

    method: str
    path: str
    """Without query and without the `/t/<tag>` prefix."""
    query: str = ""
    headers: list[Header]
    body: Raw | UnsetType = UNSET
    """The body, decoded from its content encoding, verbatim, if it is JSON."""
    body_base64: bytes | UnsetType = UNSET
    """The body as received, if it is not JSON (or could not be decoded) and not empty."""
    body_left_out: LeftOut | UnsetType = UNSET
    """Why there is no body although one was sent."""
    body_size: int
    """Bytes as received, before decoding."""
    tag: str | None = None
    key_name: str | None = None
    account_id: str | None = None
    client_address: str | None = None


class Piece(Struct, frozen=True, rename="camel"):
    """Bytes of an answer that arrived together."""

    offset_ms: float
    """Since `started_at`."""
    data: bytes
    """As they came from upstream (content encoding undone); may begin or end inside an event or a character."""


class ChunkData(Data, frozen=True, kw_only=True, rename="camel"):
    """Pieces of a running event stream, batched: up to 100 ms or 16 KB."""

    index: int
    """Number of this event's first piece within the answer, from 0."""
    pieces: list[Piece]


class Fault(Struct, frozen=True, rename="camel"):
    """Why an exchange did not end `complete`."""

    type: str
    """Anthropic's error type if there is one, else our own: `upstream_cut`, `client_gone`, `gateway_lost`."""
    message: str


class ResponseData(Data, frozen=True, kw_only=True, rename="camel"):
    """The end of an exchange: published once its answer ended, however it ended."""

    outcome: Outcome
    status: int | None
    """HTTP status that the client got; null when it left, or the gateway died, before there was one."""
    headers: list[Header]
    ended_at: Moment
    first_byte_ms: float | None = None
    """From `started_at` to the first byte of the answer's body."""
    first_token_ms: float | None = None
    """From `started_at` to the first content delta of an event stream."""
    duration_ms: float
    streamed: bool = False
    """Whether the answer was an event stream."""
    body: Raw | UnsetType = UNSET
    """The answer if it is JSON; of an event stream the folded message (see `plait.common.folding`)."""
    body_base64: bytes | UnsetType = UNSET
    """The answer, content encoding undone, if it is neither JSON nor an event stream, and not empty."""
    body_left_out: LeftOut | UnsetType = UNSET
    """Why there is no body although one came."""
    body_size: int = 0
    """Bytes of the answer's body as they came from upstream."""
    usage: Raw | UnsetType = UNSET
    """Anthropic's usage object, the last values seen."""
    model: str | None = None
    """The model that answered, else the model asked for."""
    account_id: str | None = None
    error: Fault | None = None


class CostData(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """What an exchange cost, in dollars: exact decimals, as text."""

    total: Decimal
    input: Decimal
    output: Decimal
    cache_creation5m: Decimal
    cache_creation1h: Decimal
    cache_read: Decimal
    tools: Decimal
    price_version: str
    """Which price list was asked."""


class UsageData(Data, frozen=True, kw_only=True, rename="camel", gc=False):
    """What an exchange used, and cost; published once, when the ledger has it."""

    account_id: str | None
    model: str | None
    input_tokens: int
    """Neither read from the cache nor written to it."""
    output_tokens: int
    thinking_tokens: int
    """The part of the output that was thinking."""
    cache_read_input_tokens: int
    cache_creation5m_input_tokens: int
    cache_creation1h_input_tokens: int
    web_search_requests: int
    web_fetch_requests: int
    service_tier: str | None
    speed: str | None
    estimated: bool
    """The answer was not finished: these are the figures seen last."""
    subscription: bool
    """Nobody is billed: the cost is what it would have been."""
    cost: CostData | None
    """Null: not every price is known."""


class Placed(Struct, frozen=True, rename="camel"):
    """Where an exchange stands in a conversation."""

    exchange_id: UUID
    branch_id: str | None
    """Null for side calls of no branch."""
    kind: str | None


class ConversationData(Struct, frozen=True, kw_only=True, rename="camel"):
    """A conversation after a change: what it now holds."""

    conversation_id: UUID
    revision: int
    """Grows with every change of a conversation. Linkers side by side may publish out of order: of two states of one
    conversation the one with the higher revision holds, and nothing older needs to be looked at."""
    domain: str
    title: str | None
    request_count: int
    branch_ids: list[str]
    latest_exchange_id: UUID
    """Of a deleted one: the last that it had."""
    moved_from: list[UUID] = []
    """Conversations that were found to be part of this one and exist no longer."""
    deleted: bool = False
    """It exists no longer, nor is it part of another one: somebody had it deleted, or it had grown too old. What is
    left of its exchanges, if anything, belongs to conversations that have events of their own."""
    placed: list[Placed] = []
    """Its exchanges that this change came from: they are new, or have ended, or stand in another place than before."""


class AnalysisTokens(Struct, frozen=True, kw_only=True, rename="camel"):
    """Tokens of the calls that made an analysis."""

    prompt: int
    completion: int
    total: int


class AnalysisData(Struct, frozen=True, kw_only=True, rename="camel"):
    """An analysis job of one branch, asked for or changed; of a completed one, its result."""

    analysis_id: UUID
    conversation_id: UUID
    branch_id: str
    domain: str
    status: Literal["pending", "processing", "completed", "failed"]
    revision: int
    """Grows with every change of an analysis: of two states the one with the higher revision holds."""
    run: int = 0
    """0: the first; then the number of the regeneration."""
    attempt: int = 0
    """Attempts of this run so far."""
    by_rule: bool = False
    """Asked for by ANALYSIS_AUTO."""
    error: str | None = None
    """Of a failed one, or of a pending one that has been tried in vain."""
    provider: str | None = None
    model: str | None = None
    prompt_version: str | None = None
    token_usage: AnalysisTokens | None = None
    cost_usd: Decimal | None = None
    content: str | None = None
    """Of a completed one: Markdown."""
    data: Raw | UnsetType = UNSET
    """Of a completed one whose answer had the form that was asked for: plait.common.analysis.Analysis."""


DataT = TypeVar("DataT")


class _Event(Struct, frozen=True, kw_only=True):
    specversion: Literal["1.0"] = "1.0"
    id: Annotated[str, Meta(min_length=1)]
    """Unique per source: the same fact published twice has the same id."""
    source: str
    subject: str
    """The exchange id, or the conversation's."""
    time: Moment
    datacontenttype: Literal["application/json"] = "application/json"
    partitionkey: str
    traceparent: str | UnsetType = UNSET


class RequestEvent(_Event, frozen=True, kw_only=True, tag_field="type", tag="plait.request.v1"):
    """An exchange began (topic `plait.requests`)."""

    data: RequestData


class ChunkEvent(_Event, frozen=True, kw_only=True, tag_field="type", tag="plait.chunk.v1"):
    """A piece of a running answer (topic `plait.chunks`)."""

    data: ChunkData


class ResponseEvent(_Event, frozen=True, kw_only=True, tag_field="type", tag="plait.response.v1"):
    """An exchange ended (topic `plait.responses`)."""

    data: ResponseData


class ConversationEvent(_Event, frozen=True, kw_only=True, tag_field="type", tag="plait.conversation.v1"):
    """A conversation changed (topic `plait.conversations`)."""

    data: ConversationData


class UsageEvent(_Event, frozen=True, kw_only=True, tag_field="type", tag="plait.usage.v1"):
    """An exchange's usage is accounted for (topic `plait.usage`)."""

    data: UsageData


class AnalysisEvent(_Event, frozen=True, kw_only=True, tag_field="type", tag="plait.analysis.v1"):
    """An analysis changed (topic `plait.analyses`)."""

    data: AnalysisData


ExchangeEvent = RequestEvent | ChunkEvent | ResponseEvent
Event = ExchangeEvent | ConversationEvent | UsageEvent | AnalysisEvent

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def encode(event: Event) -> bytes:
    """One event as JSON. `Raw` fields must hold valid JSON: they are copied, not checked."""
    return _encoder.encode(event)


def decode(raw: bytes) -> Event:
    """The event of a Kafka message's value.

    Raises:
        msgspec.ValidationError: it is JSON, but no event of ours (unknown type or version, missing field).
        msgspec.DecodeError: it is not JSON.
    """
    return _decoder.decode(raw)


def json_or_none(body: bytes) -> Any | None:
    """The value of a JSON text, None when it is not one (in UTF-8, at most as deep as the decoder goes)."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


def request_event(data: RequestData, *, source: str = SOURCE_GATEWAY, traceparent: str | None = None) -> RequestEvent:
    """Wrap a request's data; the id is derived, so publishing twice gives equal events."""
    return RequestEvent(
        id=f"{data.exchange_id}/request",
        source=source,
        subject=str(data.exchange_id),
        time=data.started_at,
        partitionkey=partition_key(data.domain, data.thread),
        traceparent=traceparent or UNSET,
        data=data,
    )


def chunk_event(data: ChunkData, at: datetime) -> ChunkEvent:
    """Wrap pieces of an answer; `at` is when the first of them arrived."""
    return ChunkEvent(
        id=f"{data.exchange_id}/chunk/{data.index}",
        source=SOURCE_GATEWAY,
        subject=str(data.exchange_id),
        time=at,
        partitionkey=partition_key(data.domain, data.thread),
        data=data,
    )


def response_event(data: ResponseData, *, source: str = SOURCE_GATEWAY) -> ResponseEvent:
    """Wrap the end of an exchange."""
    return ResponseEvent(
        id=f"{data.exchange_id}/response",
        source=source,
        subject=str(data.exchange_id),
        time=data.ended_at,
        partitionkey=partition_key(data.domain, data.thread),
        data=data,
    )


def usage_event(data: UsageData, at: datetime) -> UsageEvent:
    """Wrap an exchange's usage; `at` is when the exchange ended."""
    return UsageEvent(
        id=f"{data.exchange_id}/usage",
        source=SOURCE_LEDGER,
        subject=str(data.exchange_id),
        time=at,
        partitionkey=partition_key(data.domain, data.thread),
        data=data,
    )


def partition_key(domain: str, thread: str) -> str:
    """Kafka key of all events of one thread: they meet in one partition, in order."""
    return f"{domain}|{thread}"
