"""What records add to what is known of exchanges, what is told of them, and to whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from aiokafka.structs import ConsumerRecord
from hypothesis import example, given
from hypothesis import strategies as st

from plait.api.live.hub import Framer, Hub
from plait.api.live.listener import Listener
from plait.api.live.memory import Memory
from plait.api.live.news import ConversationNews, ExchangeNews, Interest, Told
from plait.api.live.places import PLACES, Position, first_of
from plait.api.live.reading import Read, in_order, read
from plait.common.access.grants import Grant
from plait.common.events import SOURCE_IMPORT, Event, Placed, encode, request_event
from tests.exchange_events import answered, asked, event_of, pieces, said
from tests.live_stage import changed

ONE = asked(said("user", "secret"))
ANSWER = answered(ONE, "secret")
PIECE = pieces(ONE, "event: ping\n", "\n")
PLACED = changed("a.test", Placed(ONE.exchange_id, "main", "inference"))
ALL: list[Event] = [event_of(ONE), event_of(PIECE), event_of(ANSWER), PLACED]
TOLD = {"exchange.started", "exchange.firstByte", "exchange.finished", "exchange.placed", "conversation.updated"}
_YEAR_10000_MS = 253_402_300_800_000
START = Position((0,) * len(PLACES), life=7)


def record(value: bytes | None, *, place: int = 0, offset: int = 0, at: int = 0) -> Any:
    topic, partition = PLACES[place]
    return ConsumerRecord(topic, partition, offset, at, 0, b"key", value, None, 0, len(value or b""), ())


def reads(events: Sequence[Event]) -> list[Read]:
    return [read(record(encode(event), offset=number)) for number, event in enumerate(events)]


def told(events: Sequence[Event]) -> list[Told]:
    memory = Memory()
    return [each for one in reads(events) for each in memory.told(one)]


@given(st.permutations(ALL))
def test_each_thing_is_told_once_in_any_order_and_the_last_word_tells_all(events: list[Event]) -> None:
    found = told([*events, *events])
    of_exchange = [each for each in found if isinstance(each.news, ExchangeNews)]
    assert sorted(each.name for each in of_exchange) == sorted(TOLD - {"conversation.updated"})
    last = of_exchange[-1].news
    assert isinstance(last, ExchangeNews)
    assert (last.outcome, last.kind, last.conversation_id) == ("complete", "inference", PLACED.data.conversation_id)
    assert b"secret" not in msgspec.json.encode([each.news for each in found])


@given(st.uuids())
@example(UUID("ffffffff-ffff-7fff-bfff-ffffffffffff"))
@example(UUID("ffffffff-ffff-4fff-bfff-ffffffffffff"))
@example(UUID(int=0))
@example(ONE.exchange_id)
def test_where_an_exchange_of_any_id_is_placed_is_told_if_its_time_is_known(sought: UUID) -> None:
    """An import brings ids of others, which tell no time."""
    has_time = sought.version == 7 and sought.int >> 80 < _YEAR_10000_MS
    names = [each.name for each in told([changed("a.test", Placed(sought, "main", "inference"))])]
    assert names == [*["exchange.placed"] * has_time, "conversation.updated"]


def test_what_is_imported_or_no_event_is_no_news() -> None:
    assert told([request_event(ONE, source=SOURCE_IMPORT)]) == []
    for value in (None, b"", b"{", b'{"type":"plait.request.v9"}', b"\xff", b"[" * 100_000):
        assert list(Memory().told(read(record(value)))) == []


def test_a_body_that_is_no_request_hides_nothing() -> None:
    for body in (b"[1]", b'{"model": 5}', b'"x"'):
        odd = msgspec.structs.replace(ONE, body=msgspec.Raw(body))
        (start,) = told([event_of(odd)])
        assert isinstance(start.news, ExchangeNews)
        assert start.news.model is None


def test_a_thread_that_is_no_session_is_none() -> None:
    for thread in (str(ONE.exchange_id), "0123456789abcdef" * 2):
        (start,) = told([event_of(msgspec.structs.replace(ONE, thread=thread))])
        assert isinstance(start.news, ExchangeNews)
        assert start.news.session_id is None


def test_no_more_is_remembered_than_wanted() -> None:
    memory = Memory(most=2)
    events = [event_of(asked(said("user", "x"), at=n)) for n in range(4)]
    for one in reads(events):
        list(memory.told(one))
    assert [memory.find(event.data.exchange_id) is None for event in events] == [True, True, False, False]  # type: ignore[union-attr]


INTERESTS: list[tuple[Interest, set[str]]] = [
    (Interest(), TOLD),
    (Interest(domains=frozenset({"a.test"})), TOLD),
    (Interest(domains=frozenset()), set()),
    (Interest(domains=frozenset({"b.test"}), domain="a.test"), set()),
    (Interest(domain="b.test"), set()),
    (Interest(names=frozenset({"exchange.started"})), {"exchange.started"}),
    (Interest(session_id=ONE.thread), TOLD - {"conversation.updated"}),
    (Interest(model="claude-x"), {"exchange.started", "exchange.firstByte"}),
    (Interest(kind="inference"), {"exchange.placed"}),
    (Interest(conversation_id=PLACED.data.conversation_id), {"exchange.placed", "conversation.updated"}),
    (Interest(conversation_id=uuid4()), set()),
]


@pytest.mark.parametrize(("interest", "wanted"), INTERESTS)
def test_who_is_told_what(interest: Interest, wanted: set[str]) -> None:
    assert {each.name for each in told(ALL) if each.concerns(interest)} == wanted


def test_who_follows_a_conversation_hears_that_it_went_into_another_one() -> None:
    moved = uuid4()
    (news,) = told([changed(moved_from=[moved])])
    assert news.concerns(Interest(conversation_id=moved))
    assert isinstance(news.news, ConversationNews)
    (gone,) = told([changed(deleted=True)])
    assert gone.name == "conversation.deleted"


@given(st.lists(st.integers(0, 2**62), min_size=len(PLACES), max_size=len(PLACES)), st.integers(1, 2**32 - 1))
def test_an_id_tells_its_position(offsets: list[int], number: int) -> None:
    position = Position(tuple(offsets), number, number % len(PLACES), number)
    assert Position.parse(str(position)) == position


@given(st.one_of(st.text(), st.binary().map(lambda raw: raw.hex()), st.just("A" * 50), st.just("A" * 2000)))
def test_what_is_no_id_is_none(text: str) -> None:
    found = first_of(text)
    assert found is None or len(found.offsets) == len(PLACES)


@given(st.lists(st.lists(st.integers(0, 5), max_size=6), max_size=4))
def test_records_of_partitions_are_told_by_time(times: list[list[int]]) -> None:
    partitions = [
        [Read(place, offset, 1, at, None) for offset, at in enumerate(each)] for place, each in enumerate(times)
    ]
    merged = list(in_order(partitions))
    for place, expected in enumerate(partitions):
        assert [one for one in merged if one.place == place] == expected
    if all(each == sorted(each) for each in times):
        assert [one.time_ms for one in merged] == sorted(at for each in times for at in each)


@given(st.permutations(ALL), st.integers(0, 4))
def test_who_comes_back_after_any_event_misses_none(events: list[Event], first: int) -> None:
    hub = Hub()
    hub.begin(START)
    everything = Framer(START)
    frames = [each for one in reads(events) for each in everything.frames(one)]
    for one in reads(events):
        hub.take(one)
    hub.flush()
    since = first_of(_id_of(frames[first].frame))
    assert since is not None
    assert hub.has(since)
    listener = Listener(Grant("a", "viewer"), Interest(), 10**6)
    missed = hub.join(listener, since)
    for later in frames[first + 1 :]:
        assert later.frame in missed


def test_the_hub_says_what_it_remembers_no_more() -> None:
    hub = Hub(remembered=2)
    hub.begin(START)
    for one in reads([event_of(asked(said("user", "x"), at=n)) for n in range(5)]):
        hub.take(one)
    hub.flush()
    assert not hub.has(START)
    assert not hub.has(Position((4, *START.offsets[1:]), life=8)), "of another life"
    assert hub.has(Position((3, *START.offsets[1:]), life=7))
    assert not hub.has(Position((6, *START.offsets[1:]), life=7)), "beyond the end"


def _id_of(frame: bytes) -> str:
    return frame.decode().split("\n")[0].removeprefix("id: ")
