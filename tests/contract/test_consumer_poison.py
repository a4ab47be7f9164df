"""Records that no retry will mend: they are put aside with their place and reason, and their neighbours go on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest
from aiokafka.consumer import fetcher
from aiokafka.producer import message_accumulator, producer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from plait.common.consumer import Record, Rejected
from plait.common.deadletters import DeadLetter, list_letters, resend
from plait.common.settings import KafkaSettings
from plait.common.topics import RESPONSES
from tests.contract.consuming import (
    GROUP,
    Seen,
    an_answer,
    consuming,
    id_of,
    ids,
    producing,
    send,
)

GARBAGE = [
    b"",
    b"garbage",
    b"\xff\xfe\x00",
    b"null",
    b"[]",
    b"{}",
    b'{"type":"plait.response.v2","id":"x","source":"s","subject":"s","time":"2026-01-01T00:00:00Z"}',
    b"[" * 100_000,
    an_answer().replace(b'"specversion":"1.0"', b'"specversion":"2.0"'),
    an_answer().replace(b'"domain":"d",', b""),
]


async def letters_of(settings: KafkaSettings, count: int) -> list[DeadLetter]:
    """The dead letters, once there are `count`."""
    async with asyncio.timeout(60):
        while len(found := [letter async for letter, _ in list_letters(settings)]) < count:
            await asyncio.sleep(0.05)
    return found


async def test_what_is_no_event_is_put_aside_and_its_neighbours_go_on(settings: KafkaSettings) -> None:
    good, seen = ids(20), Seen()
    mixed = [value for pair in zip(map(an_answer, good), GARBAGE + [None] * 10, strict=True) for value in pair]
    await send(settings, mixed)

    async with consuming(seen, settings):
        await seen.all_of(good)
        letters = await letters_of(settings, 20)

    assert sorted(seen.ids) == sorted(good)
    assert sorted(letter.value or b"" for letter in letters) == sorted([*GARBAGE, *[b""] * 10])
    assert {letter.service for letter in letters} == {GROUP}
    assert {letter.topic for letter in letters} == {RESPONSES.name}
    assert all(letter.error for letter in letters)
    places = {(letter.partition, letter.offset) for letter in letters}
    assert len(places) == 20


async def test_headers_do_no_harm(settings: KafkaSettings) -> None:
    sent, seen = ids(3), Seen()
    hostile: list[list[tuple[str, bytes | None]]] = [
        [("content-type", b"\xff\xfe\x80"), ("", b"")],
        [("ü" * 100, None)] * 50,
        [("plait-dead-topic", b"elsewhere"), ("x", b"\0" * 100_000)],
    ]
    async with producing(settings) as producer:
        for exchange_id, headers in zip(sent, hostile, strict=True):
            await producer.send_and_wait(RESPONSES.name, an_answer(exchange_id), headers=headers)
            await producer.send_and_wait(RESPONSES.name, b"garbage", headers=headers)

    async with consuming(seen, settings):
        await seen.all_of(sent)
        letters = await letters_of(settings, 3)

    assert {letter.topic for letter in letters} == {RESPONSES.name}
    assert (("content-type", b"\xff\xfe\x80"), ("", b"")) in [letter.headers for letter in letters]


class NoUtf8(str):
    """A header name as no client of ours would send it."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return b"\xff\xfe"


async def test_a_header_name_that_is_no_text_does_no_harm(
    settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (producer, message_accumulator):
        monkeypatch.setattr(module, "DefaultRecordBatchBuilder", _DefaultRecordBatchBuilderPy)
    used = fetcher.MemoryRecords  # type: ignore[attr-defined]
    monkeypatch.setattr(fetcher, "MemoryRecords", used)  # put back afterwards
    sent, seen = ids(10), Seen()
    async with producing(settings) as sender:
        waiting = []
        for number, exchange_id in enumerate(sent):
            headers = [(NoUtf8("x"), b"1")] if number in (3, 4) else []
            value = b"garbage" if number == 4 else an_answer(exchange_id)
            waiting.append(await sender.send(RESPONSES.name, value, partition=0, headers=headers))
        await asyncio.gather(*waiting)

    async with consuming(seen, settings):
        await seen.all_of([*sent[:4], *sent[5:]])
        letters = await letters_of(settings, 1)
    assert [letter.headers for letter in letters] == [(("\\xff\\xfe", b"1"),)]


async def test_what_a_processor_rejects_is_put_aside(settings: KafkaSettings) -> None:
    sent = ids(100)
    bad = set(sent[::10])

    def reject(batch: Sequence[Record]) -> list[Rejected]:
        return [Rejected(record, "no such thing: é") for record in batch if id_of(record) in bad]

    seen = Seen(reject)
    await send(settings, map(an_answer, sent))
    async with consuming(seen, settings):
        await seen.all_of(set(sent) - bad)
        letters = await letters_of(settings, 10)

    assert {letter.error for letter in letters} == {"no such thing: é"}
    assert {_id(letter) for letter in letters} == bad


async def test_a_processor_that_chokes_on_a_record_loses_only_that_one(settings: KafkaSettings) -> None:
    sent = ids(100)
    bad = {sent[17], sent[80]}

    def choke(batch: Sequence[Record]) -> list[Rejected]:
        if bad & {id_of(record) for record in batch}:
            raise ValueError("cannot have that")
        return []

    seen = Seen(choke)
    await send(settings, map(an_answer, sent))
    async with consuming(seen, settings):
        await seen.all_of(set(sent) - bad)
        letters = await letters_of(settings, 2)

    assert sorted(seen.ids) == sorted(set(sent) - bad)
    assert {_id(letter) for letter in letters} == bad
    assert {letter.error for letter in letters} == {"ValueError: cannot have that"}


async def test_a_failure_that_passes_costs_no_record(settings: KafkaSettings) -> None:
    sent, seen = ids(10), Seen()

    def once(_: Sequence[Record]) -> list[Rejected]:
        if seen.calls == 1:
            raise RuntimeError("for no reason")
        return []

    seen.fault = once
    await send(settings, map(an_answer, sent))
    async with consuming(seen, settings):
        await seen.all_of(sent)
    assert [letter async for letter, _ in list_letters(settings)] == []


async def test_when_nearly_everything_fails_nothing_is_put_aside(settings: KafkaSettings) -> None:
    sent, broken = ids(100), True

    def fault(_: Sequence[Record]) -> list[Rejected]:
        if broken:
            raise RuntimeError("a fault of the service")
        return []

    seen = Seen(fault)
    await send(settings, map(an_answer, sent))
    async with consuming(seen, settings) as consumer:
        await seen.until(lambda s: s.calls > 500)
        assert not consumer.done()
        assert [letter async for letter, _ in list_letters(settings)] == []
        broken = False
        await seen.all_of(sent)


async def test_a_dead_letter_can_be_sent_again(settings: KafkaSettings) -> None:
    sent = ids(5)
    mended = False

    def reject(batch: Sequence[Record]) -> list[Rejected]:
        return [] if mended else [Rejected(record, "not yet") for record in batch]

    seen = Seen(reject)
    async with producing(settings) as producer:
        for exchange_id in sent:
            await producer.send_and_wait(
                RESPONSES.name, an_answer(exchange_id), key=b"d|t", headers=[("trace", b"\xff")]
            )
    async with consuming(seen, settings):
        letters = await letters_of(settings, 5)
        mended = True
        assert await resend(settings, letters) == 5
        await seen.all_of(sent)
    assert {(letter.key, letter.headers) for letter in letters} == {(b"d|t", (("trace", b"\xff"),))}


def _id(letter: DeadLetter) -> UUID:
    value = letter.value or b""
    return UUID(value.split(b'"exchangeId":"')[1][:36].decode())
