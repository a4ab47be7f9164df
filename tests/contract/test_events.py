"""Events as other programs see them: JSON that the published schemas describe, and nothing lost on the way."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.common import events, schemas
from plait.common.events import (
    AnalysisData,
    AnalysisEvent,
    AnalysisTokens,
    ChunkData,
    ConversationData,
    ConversationEvent,
    Event,
    Fault,
    Piece,
    RequestData,
    ResponseData,
)
from plait.common.ids import new_exchange_id
from plait.common.topics import ALL

DOCS = Path(__file__).parents[2] / "docs" / "events"
NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
ID = UUID("019565a0-0000-7000-8000-000000000001")
COMMON: dict[str, Any] = {"exchange_id": ID, "domain": "d.example", "thread": "s-1", "started_at": NOW}


def a_request(**given: Any) -> Event:
    data = {"method": "POST", "path": "/v1/messages", "headers": [("a", "1"), ("a", "2")], "body_size": 2}
    return events.request_event(RequestData(**COMMON, **{**data, **given}))


def a_chunk() -> Event:
    return events.chunk_event(ChunkData(**COMMON, index=3, pieces=[Piece(1.5, b"\xff\n"), Piece(2.0, b"")]), NOW)


def an_end(**given: Any) -> Event:
    data = {"outcome": "complete", "status": 200, "headers": [], "ended_at": NOW, "duration_ms": 12.5}
    return events.response_event(ResponseData(**COMMON, **{**data, **given}))


def a_conversation() -> Event:
    data = ConversationData(
        conversation_id=uuid4(),
        revision=7,
        domain="d",
        title=None,
        request_count=2,
        branch_ids=["main"],
        latest_exchange_id=ID,
        moved_from=[uuid4()],
    )
    return ConversationEvent(
        id="c/1",
        source=events.SOURCE_LINKER,
        subject=str(data.conversation_id),
        time=NOW,
        partitionkey="d|c",
        data=data,
    )


def an_analysis() -> Event:
    data = AnalysisData(
        analysis_id=uuid4(),
        conversation_id=uuid4(),
        branch_id="main",
        domain="a.test",
        status="completed",
        revision=3,
        token_usage=AnalysisTokens(prompt=1, completion=2, total=3),
        content="told",
        data=msgspec.Raw(b"{}"),
    )
    return AnalysisEvent(id="a/1", source="/plait/api", subject="a", time=NOW, partitionkey="d|c", data=data)


SAMPLES = [
    a_request(),
    a_request(body=msgspec.Raw(b'{"a":[1,2]}'), tag="blue", account_id="acc", query="beta=true"),
    a_request(body_base64=b"\xff\x00"),
    a_chunk(),
    an_end(),
    an_end(outcome="interrupted", error=Fault("upstream_cut", "cut"), usage=msgspec.Raw(b'{"input_tokens":1}')),
    an_end(outcome="aborted", status=None, streamed=True, first_byte_ms=1.0, body=msgspec.Raw(b"null")),
    a_conversation(),
    an_analysis(),
]


@pytest.mark.parametrize("event", SAMPLES)
def test_what_is_encoded_is_decoded(event: Event) -> None:
    assert events.encode(events.decode(events.encode(event))) == events.encode(event)
    assert type(events.decode(events.encode(event))) is type(event)


@pytest.mark.parametrize("event", SAMPLES)
def test_events_are_valid_by_their_published_schema(event: Event) -> None:
    written = json.loads(events.encode(event))
    published = json.loads((DOCS / f"{written['type']}.json").read_text())
    checker = jsonschema.Draft202012Validator(published, format_checker=jsonschema.FormatChecker())
    checker.check_schema(published)
    checker.validate(written)
    checker.validate(written | {"later": 1, "data": written["data"] | {"later": {}}})
    del written["data"]
    assert not checker.is_valid(written)


def test_the_published_documents_are_those_of_the_models() -> None:
    published = {path.name: path.read_text(encoding="utf-8") for path in DOCS.iterdir() if path.suffix == ".json"}
    assert published == schemas.documents(), "run `make schemas`"


def test_every_topic_is_described_and_every_reference_leads_somewhere() -> None:
    document = schemas.asyncapi()
    assert set(document["channels"]) == {topic.name for topic in ALL}
    for operation in document["operations"].values():
        for reference in [operation["channel"], *operation["messages"]]:
            found: Any = document
            for step in reference["$ref"].removeprefix("#/").split("/"):
                found = found[step]
    for channel in document["channels"].values():
        for message in channel["messages"].values():
            assert (DOCS / message["payload"]["schema"]["$ref"]).is_file()


@pytest.mark.parametrize("event", SAMPLES)
def test_unknown_fields_are_tolerated(event: Event) -> None:
    written = json.loads(events.encode(event))
    more = written | {"extension": [1], "data": written["data"] | {"from": "the future"}}
    assert events.decode(json.dumps(more).encode()) == events.decode(json.dumps(written).encode())


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(), st.lists))
def test_a_body_stands_in_the_event_byte_for_byte(value: Any) -> None:
    body = json.dumps(value, indent=3, ensure_ascii=value is None).encode("utf-8", "surrogatepass")
    if events.json_or_none(body) is None and value is not None:
        return  # travels as base64: see `json_or_none`
    event = a_request(body=msgspec.Raw(body))
    written = events.encode(event)
    decoded = events.decode(written)
    assert body in written
    assert isinstance(decoded.data, RequestData)
    assert isinstance(decoded.data.body, msgspec.Raw)
    assert bytes(decoded.data.body) == body


@pytest.mark.parametrize("kept", [b'{"b":1,"a":1,"a":2}', b'{ "x" : 1.0 , "y":1e2 }', b'"\\u00e9\\/"', b"\n[ 1 ]\n"])
def test_key_order_doubled_keys_spaces_and_escapes_stay(kept: bytes) -> None:
    decoded = events.decode(events.encode(a_request(body=msgspec.Raw(kept))))
    assert isinstance(decoded.data, RequestData)
    assert isinstance(decoded.data.body, msgspec.Raw)
    assert bytes(decoded.data.body).strip() == kept.strip()


@given(st.binary())
def test_any_other_body_travels_as_base64(body: bytes) -> None:
    decoded = events.decode(events.encode(a_request(body_base64=body)))
    assert isinstance(decoded.data, RequestData)
    assert decoded.data.body_base64 == body


@given(st.lists(st.tuples(st.floats(min_value=0, max_value=1e9), st.binary()), max_size=5))
def test_pieces_keep_their_bytes(pieces: list[tuple[float, bytes]]) -> None:
    event = events.chunk_event(ChunkData(**COMMON, index=0, pieces=[Piece(*piece) for piece in pieces]), NOW)
    assert events.decode(events.encode(event)) == event


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))])))
def test_times_keep_their_moment(moment: datetime) -> None:
    event = events.chunk_event(ChunkData(**{**COMMON, "started_at": moment}, index=0, pieces=[]), NOW)
    assert events.decode(events.encode(event)) == event


def test_the_same_fact_published_twice_is_the_same_event() -> None:
    assert events.encode(an_end()) == events.encode(an_end())
    assert {a_request().id, a_chunk().id, an_end().id} == {f"{ID}/request", f"{ID}/chunk/3", f"{ID}/response"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"plait.request.v1", b"plait.request.v2"),
        (b'"specversion":"1.0"', b'"specversion":"0.3"'),
        (b'"domain":"d.example",', b""),
        (b'"method":"POST"', b'"method":7'),
        (b"2026-03-01T12:00:00.123456Z", b"2026-03-01T12:00:00"),
        (str(ID).encode(), b"not-an-id"),
        (f'"id":"{ID}/request"'.encode(), b'"id":""'),
    ],
)
def test_what_is_no_event_of_ours_is_refused(old: bytes, new: bytes) -> None:
    written = events.encode(a_request())
    assert old in written
    with pytest.raises(msgspec.ValidationError):
        events.decode(written.replace(old, new))


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"{}x", b"[" * 100_000])
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, RecursionError)):
        events.decode(raw)


@pytest.mark.parametrize("body", [b"", b"{", b'"\xff"', b"NaN", b"[" * 100_000, b"1e999", b'"\\ud800"'])
def test_a_body_that_cannot_be_embedded_is_seen(body: bytes) -> None:
    assert events.json_or_none(body) is None


def test_ids_of_exchanges_lead_the_events_of_an_exchange() -> None:
    exchange_id = new_exchange_id()
    event = events.request_event(
        RequestData(**{**COMMON, "exchange_id": exchange_id}, method="GET", path="/", headers=[], body_size=0)
    )
    assert (event.subject, event.partitionkey) == (str(exchange_id), "d.example|s-1")
