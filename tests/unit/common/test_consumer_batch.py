"""A batch on its way through a processor, without a broker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from aiokafka.structs import ConsumerRecord
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.common import events
from plait.common.consumer import Record, Rejected
from plait.common.consumer.batch import Handler, NearlyAllBad, Tally
from plait.common.consumer.decoding import Raw, decode, slices
from plait.common.deadletters import DeadLetter, DeadLetters, of_record, parse, to_headers
from plait.common.errors import BadRecord, DependencyDown
from plait.common.events import ResponseData
from plait.common.ids import new_exchange_id
from plait.common.topics import MAX_EVENT_BYTES
from tests.contract.consuming import COMMON_ANSWER, an_answer


def raw(value: bytes | None, offset: int = 0, **given_: Any) -> Raw:
    known: dict[str, Any] = {
        "topic": "t",
        "partition": 0,
        "offset": offset,
        "timestamp": 0,
        "timestamp_type": 0,
        "key": None,
        "value": value,
        "checksum": None,
        "serialized_key_size": -1,
        "serialized_value_size": -1,
        "headers": (),
    }
    return ConsumerRecord(**{**known, **given_})


class Kept(DeadLetters):
    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []

    async def publish(self, letters: Sequence[DeadLetter]) -> None:
        self.letters += letters


class Choking:
    """Stores all but a batch with one of the offsets `bad`."""

    def __init__(self, bad: set[int]) -> None:
        self.bad = bad
        self.stored: set[int] = set()

    async def process(self, batch: Sequence[Record]) -> Sequence[Rejected]:
        offsets = {record.offset for record in batch}
        if offsets & self.bad:
            raise ValueError("indigestible")
        self.stored |= offsets
        return ()


VALUE = an_answer()


@settings(deadline=None)
@given(st.integers(1, 64), st.data())
async def test_the_records_at_fault_are_found_and_no_other(size: int, data: st.DataObject) -> None:
    bad = set(data.draw(st.lists(st.integers(0, size - 1), max_size=15, unique=True)))
    kept, processor = Kept(), Choking(bad)
    await Handler(processor, kept, "s").handle([raw(VALUE, offset) for offset in range(size)])
    assert processor.stored == set(range(size)) - bad
    assert sorted(letter.offset for letter in kept.letters) == sorted(bad)


async def test_a_dependency_that_goes_away_midway_costs_nothing() -> None:
    class Away(Choking):
        async def process(self, batch: Sequence[Record]) -> Sequence[Rejected]:
            if len(batch) == 1:
                raise DependencyDown
            return await super().process(batch)

    kept = Kept()
    with pytest.raises(DependencyDown):
        await Handler(Away({3}), kept, "s").handle([raw(VALUE, offset) for offset in range(8)])
    assert kept.letters == []


def test_a_tally_bears_much_but_not_nearly_everything() -> None:
    tally = Tally(last=100, least=20, share=0.9)
    for _ in range(100):
        tally.add(good=1, bad=5)
    with pytest.raises(NearlyAllBad, match="of the last"):
        tally.add(good=0, bad=100)
    tally.add(good=10, bad=10)


def test_a_few_bad_records_at_the_start_are_borne() -> None:
    tally = Tally(least=20)
    for _ in range(19):
        tally.add(good=0, bad=1)
    with pytest.raises(NearlyAllBad):
        tally.add(good=0, bad=1)


def test_decoding_names_the_place() -> None:
    record = decode(raw(VALUE, 7, topic="plait.responses", partition=3))
    assert (record.topic, record.partition, record.offset) == ("plait.responses", 3, 7)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "without value"),
        (b"{", "not JSON"),
        (b"{}", "not an event"),
        (b"[" * 10_000, "not"),
        (b" " * (MAX_EVENT_BYTES + 1), "has at most"),
    ],
    ids=["none", "torn", "empty", "deep", "large"],
)
def test_what_is_no_event_says_why(value: bytes | None, reason: str) -> None:
    with pytest.raises(BadRecord, match=reason):
        decode(raw(value))


def test_the_deepest_body_that_can_be_embedded_is_decoded() -> None:
    depth = 3000
    while events.json_or_none(b"[" * depth + b"]" * depth) is None:
        depth -= 1
    body = b"[" * depth + b"]" * depth
    data = ResponseData(exchange_id=new_exchange_id(), body=msgspec.Raw(body), **COMMON_ANSWER)
    assert decode(raw(events.encode(events.response_event(data)))).event


@given(st.lists(st.integers(0, 30)), st.integers(1, 40))
def test_slices_keep_all_in_order_within_the_bound(sizes: list[int], most: int) -> None:
    raws = [raw(b"x" * size, offset) for offset, size in enumerate(sizes)]
    runs = list(slices(raws, most))
    assert [record for run in runs for record in run] == raws
    assert all(run and (len(run) == 1 or sum(len(r.value or b"") for r in run) <= most) for run in runs)


@given(
    st.none() | st.binary(),
    st.none() | st.binary(),
    st.lists(st.tuples(st.text(), st.none() | st.binary())),
    st.text(max_size=600),
)
def test_a_dead_letter_is_read_back_as_it_was(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]], why: str
) -> None:
    letter = of_record(raw(value, 5, key=key, headers=tuple(headers)), "plait.ledger", why)
    written = raw(letter.value, key=b"place", headers=(*letter.headers, *to_headers(letter)))
    assert parse(written) == letter
    assert letter.place == "t-0-5"


@given(st.lists(st.tuples(st.sampled_from(["plait-dead-offset", "plait-dead-topic", "x"]), st.binary())))
def test_a_foreign_record_is_no_dead_letter(headers: list[tuple[str, bytes]]) -> None:
    assert parse(raw(b"", headers=tuple(headers))) is None
