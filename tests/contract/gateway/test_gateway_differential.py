"""Generated traffic, once straight to the upstream and once through the gateway: nobody on either end can tell.

The differences that there may be are listed here and nowhere else. `PLAIT_TEST_EXAMPLES=5000` looks further than the
usual run, which is the same every time.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import UNSET, Raw, UnsetType

from plait.common.events import RequestData, ResponseData
from plait.common.masking import is_secret
from plait.fakes.http1 import HOP_BY_HOP, Header
from plait.gateway.encodings import Undecodable, decoder_for
from plait.gateway.relay.lane import upload
from plait.gateway.shipper.exchange import begin
from plait.gateway.spool.records import End, Head, Piece, Request
from tests.contract.gateway import generated
from tests.contract.gateway.generated import BODILESS, Answer
from tests.contract.gateway.raw_ends import RawClient, RawUpstream, Seen
from tests.contract.gateway.relaying import Gateway, relaying

SET_BY_EACH_HOP = {"host", "content-length", "expect"}
EXAMPLES = os.environ.get("PLAIT_TEST_EXAMPLES")


@pytest.fixture
async def upstream() -> AsyncIterator[RawUpstream]:
    async with RawUpstream() as raw:
        yield raw


@pytest.fixture
async def between(upstream: RawUpstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gateway]:
    monkeypatch.setattr(upload, "_SHORT", 8)  # nearly every request that comes in pieces goes up in pieces
    async with relaying(upstream.url, tmp_path / "spool") as running:
        yield running


def passed_on(fields: Sequence[Header], dropped: set[str]) -> list[Header]:
    """What has to arrive of these fields, in order. Names may be spelt otherwise."""
    listed = {name.strip().lower() for key, value in fields if key.lower() == "connection" for name in value.split(",")}
    gone = HOP_BY_HOP | {"proxy-connection"} | listed | dropped
    return [(name.lower(), value) for name, value in fields if name.lower() not in gone]


@settings(
    max_examples=int(EXAMPLES or 100),
    derandomize=EXAMPLES is None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(traffic=st.lists(st.tuples(generated.requests(), generated.answers()), min_size=1, max_size=3))
async def test_generated_traffic_passes_unchanged_and_is_recorded_as_it_was(
    upstream: RawUpstream, between: Gateway, traffic: list[tuple[generated.Request, Answer]]
) -> None:
    async with RawClient(upstream.port) as direct, RawClient(between.port) as through:
        for request, answer in traffic:
            upstream.script = answer.script(request.method)
            upstream.arrived.clear()
            straight = await direct.ask(request.pieces, request.method)
            relayed = await through.ask(request.pieces, request.method)
            same_request(upstream)
            same_answer(straight, relayed)
            same_record(request, relayed, between)
            if upstream.script.end != "keep":
                await direct.close()


def same_request(upstream: RawUpstream) -> None:
    """The upstream cannot tell the client from the gateway."""
    straight, relayed = upstream.arrived
    assert relayed.start == straight.start
    assert relayed.body == straight.body
    passed = passed_on(relayed.fields, SET_BY_EACH_HOP)
    assert by_name(passed) == by_name(passed_on(straight.fields, SET_BY_EACH_HOP | {"cookie"}))


def by_name(fields: Sequence[Header]) -> list[Header]:
    """The order of fields with different names says nothing (RFC 9110, 5.3); that of equal names does, and is kept."""
    return sorted(fields, key=lambda field: field[0])


def same_answer(straight: Seen, relayed: Seen) -> None:
    """The client cannot tell the gateway from the upstream, but for the exchange id."""
    assert (relayed.status, relayed.reason, relayed.whole) == (straight.status, straight.reason, straight.whole)
    assert relayed.body == straight.body
    ours = {"x-request-id"} | ({"content-length"} if straight.status in BODILESS else set())
    assert passed_on(relayed.fields, ours) == passed_on(straight.fields, ours)
    assert UUID(relayed.value("x-request-id")).version == 7


def same_record(request: generated.Request, relayed: Seen, gateway: Gateway) -> None:
    """The events of the exchange say what went over the wire: so both ways through the gateway record alike."""
    asked, answered, pieces = events(gateway, relayed.value("x-request-id"))
    assert (asked.method, asked.path, asked.query) == (request.method, request.path, request.query or "")
    assert (asked.domain, asked.tag, asked.body_size) == (generated.HOST, None, len(request.body or b""))
    assert visible(asked.headers)[: len(request.fields) + 1] == visible(
        [("host", generated.HOST), *((name.decode(), value.decode("latin-1")) for name, value in request.fields)]
    )
    assert embedded(asked.body, asked.body_base64) in (request.body or b"", decoded(asked.headers, request.body or b""))
    assert (answered.status, answered.body_size, b"".join(pieces)) == (relayed.status, len(relayed.body), relayed.body)
    assert passed_on(visible(answered.headers), set()) == passed_on(visible(relayed.fields), {"x-request-id"})
    assert answered.outcome in outcomes(relayed, streamed=answered.streamed)


def outcomes(relayed: Seen, *, streamed: bool) -> set[str]:
    """What the record may say: an event stream without a message is no answer where a message is due."""
    if relayed.status >= 400:
        return {"failed"}
    if not relayed.whole:
        return {"interrupted"}
    return {"complete", "failed"} if streamed else {"complete"}


def events(gateway: Gateway, exchange_id: str | None) -> tuple[RequestData, ResponseData, list[bytes]]:
    """What the shipper makes of an exchange's records, and the pieces of its answer."""
    first, head, *pieces, end = gateway.records(exchange_id)
    assert isinstance(first, Request)
    assert isinstance(head, Head)
    assert isinstance(end, End)
    exchange, asked = begin(UUID(exchange_id), first)
    exchange.head(head)
    for piece in pieces:
        assert isinstance(piece, Piece)
        exchange.piece(piece)
    exchange.chunk()
    return asked.data, exchange.end(end).data, [piece.data for piece in pieces if isinstance(piece, Piece)]


def visible(fields: Sequence[Header]) -> list[Header]:
    """The fields in lower case, a secret's value by its mark's length alone."""
    return [(name.lower(), "a secret" if is_secret(name) else value) for name, value in fields]


def embedded(body: Raw | UnsetType, body_base64: bytes | UnsetType) -> bytes:
    return bytes(body) if body is not UNSET else body_base64 if body_base64 is not UNSET else b""


def decoded(fields: Sequence[Header], body: bytes) -> bytes:
    named = ",".join(value for name, value in fields if name == "content-encoding")
    try:
        return decoder_for(named).feed(body)
    except Undecodable as fault:
        return fault.decoded
