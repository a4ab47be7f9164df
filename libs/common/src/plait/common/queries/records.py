"""What was kept of one exchange: its bodies, headers, usage and evidence, and the raw pieces of its answer."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

import asyncpg
from msgspec import Struct, structs

from plait.common.blobs import unshelve
from plait.common.bodies import put_answer_together, put_request_together, rest_of_request
from plait.common.events import Header, Piece
from plait.common.frames import headers_of, settings_of
from plait.common.packing import unpack_headers, unpack_pieces
from plait.common.queries.cache import CacheFinding, get_finding
from plait.common.queries.exchanges import ExchangeSummary, get_summary
from plait.common.queries.named import statements
from plait.common.queries.paging import Reader
from plait.common.usage import totals

_SQL: Final = statements("records")


class Evidence(Struct, frozen=True, rename="camel"):
    """Why an exchange stands where it stands in its conversation."""

    rule: str
    detail: Any


class Exchange(ExchangeSummary, frozen=True, kw_only=True, rename="camel"):
    """An exchange with everything that was kept of it."""

    evidence: Evidence | None
    """Null until it is linked."""
    request_headers: list[Header]
    """[name, value] as received; secrets are masked."""
    response_headers: list[Header]
    request_body: Any
    """The JSON value that the client sent; its text if it was no JSON; null if it was empty."""
    response_body: Any
    """The JSON value of the answer, of an event stream the folded message as far as it came; null without one."""
    usage_data: Any
    """The provider's own usage object; null if none was reported."""
    cache: CacheFinding | None
    """What it read from the prompt cache, and could have; null until that is known, and where no prompt was used."""


class Prompt(Struct, frozen=True, kw_only=True):
    """What a request asked, in parts that are equal where nothing was said anew.

    Cache marks are left out, a text is one block, members stand in order. All are JSON texts.
    """

    messages: list[bytes]
    system: bytes | None
    tools: bytes | None
    rest: dict[str, Any]
    """Its other fields."""
    whole: Any
    """The body instead of all these, if it was not taken apart: a JSON value, or a text."""


class Chunk(Struct, frozen=True, rename="camel"):
    """A piece of an answer as it arrived."""

    index: int
    offset_ms: float
    """Since the request arrived."""
    data: str
    """All pieces joined are the whole stream: a character that was cut in two stands in the later piece."""


async def get_exchange(db: Reader, exchange_id: UUID) -> Exchange | None:
    """One exchange whole; None if there is no such."""
    summary = await get_summary(db, exchange_id)
    if summary is None:
        return None
    sql, arguments = _SQL["record"].bind({"id": exchange_id})
    (record,) = await db.fetch(sql, *arguments)
    answer, usage = _answer(record), record["usage_data"]
    if usage is None and summary.outcome is not None:
        usage = answer.get("usage") if isinstance(answer, dict) else None
        # What the ledger is about to write: who reads a record that has ended finds its tokens in it.
        summary = structs.replace(summary, **totals(usage))
    return Exchange(
        **structs.asdict(summary),
        evidence=Evidence(record["rule"], record["detail"]) if record["rule"] else None,
        request_headers=_headers(record, "request"),
        response_headers=_headers(record, "response"),
        request_body=_request(record, await _messages(db, exchange_id)),
        response_body=answer,
        usage_data=usage,
        cache=await get_finding(db, exchange_id),
    )


async def get_prompt(db: Reader, exchange_id: UUID) -> Prompt | None:
    """What an exchange asked; None if there is no such."""
    sql, arguments = _SQL["record"].bind({"id": exchange_id})
    record = await db.fetchrow(sql, *arguments)
    if record is None:
        return None
    remainder, messages = record["request_remainder"], await _messages(db, exchange_id)
    if remainder is None or record["request_whole"]:
        return Prompt(messages=[], system=None, tools=None, rest={}, whole=_request(record, []))
    frame = _blob(record, "request_frame")
    return Prompt(
        messages=messages,
        system=_blob(record, "system"),
        tools=_blob(record, "tools"),
        rest=rest_of_request(remainder, settings_of(frame) if frame else None),
        whole=None,
    )


async def list_chunks(db: Reader, exchange_id: UUID) -> list[Chunk] | None:
    """The raw pieces of an exchange's answer in order, empty if it was no event stream; None: no such exchange."""
    pieces = await list_pieces(db, exchange_id)
    if pieces is None:
        return None
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    return [
        Chunk(index, round(piece.offset_ms, 2), decoder.decode(piece.data, final=n == len(pieces)))
        for n, (index, piece) in enumerate(pieces, 1)
    ]


async def list_pieces(db: Reader, exchange_id: UUID) -> list[tuple[int, Piece]] | None:
    """The same as bytes, each with its number."""
    sql, arguments = _SQL["chunks"].bind({"id": exchange_id})
    records = await db.fetch(sql, *arguments)
    if not records:
        return None
    return each_once((r["first_index"], unpack_pieces(r["data"])) for r in records if r["data"] is not None)


def each_once(runs: Iterable[tuple[int, list[Piece]]]) -> list[tuple[int, Piece]]:
    """Runs of numbered pieces, in order of their first numbers, as single pieces.

    Runs overlap where a stream was shipped twice: cut into runs by the clock, it is not cut alike each time.
    """
    pieces: list[tuple[int, Piece]] = []
    for first, run in runs:
        following = pieces[-1][0] + 1 if pieces else first
        pieces += [(first + n, piece) for n, piece in enumerate(run) if first + n >= following]
    return pieces


async def _messages(db: Reader, exchange_id: UUID) -> list[bytes]:
    sql, arguments = _SQL["messages"].bind({"id": exchange_id})
    return [unshelve(r["encoding"], r["data"]) for r in await db.fetch(sql, *arguments)]


def _request(record: asyncpg.Record, messages: list[bytes]) -> Any:
    if record["request_remainder"] is None:
        return None
    frame = _blob(record, "request_frame")
    return put_request_together(
        record["request_remainder"],
        record["request_whole"],
        messages,
        _blob(record, "system"),
        _blob(record, "tools"),
        settings_of(frame) if frame else None,
    )


def _answer(record: asyncpg.Record) -> Any:
    if record["response_remainder"] is None:
        return None
    return put_answer_together(record["response_remainder"], record["response_whole"], _blob(record, "content"))


def _blob(record: asyncpg.Record, name: str) -> bytes | None:
    data = record[f"{name}_data"]
    return None if data is None else unshelve(record[f"{name}_encoding"], data)


def _headers(record: asyncpg.Record, half: str) -> list[Header]:
    kept, frame = record[f"{half}_headers"], _blob(record, f"{half}_frame")
    if kept is None:
        return []
    return headers_of(frame, kept) if frame else unpack_headers(kept)
