"""Events as they are cut out of the API's stream, and who is told of them."""

from __future__ import annotations

import asyncio
import itertools
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.dashboard.front.live.events import About, Cutter, Event, Interest, framed
from plait.dashboard.front.live.listeners import RETRY, Listener

TALK, OTHER = UUID(int=1), UUID(int=2)
STREAM = (
    b"retry: 1000\n\n"
    b'event: ready\ndata: {"resumed":false}\n\n'
    b": nothing new\nid: abc\n\n"
    b'id: abd\nevent: exchange.finished\ndata: {"requestId":"00000000-0000-0000-0000-000000000003","domain":"a"}\n\n'
    b'id: abe\nevent: conversation.updated\ndata: {"conversationId":"00000000-0000-0000-0000-000000000001",'
    b'"domain":"b","movedFrom":["00000000-0000-0000-0000-000000000002"]}\n\n'
)


def event(name: str = "exchange.finished", **about: object) -> Event:
    return Event(name, About(**about), framed(name, b"{}"))  # type: ignore[arg-type]


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_a_stream_may_come_in_any_pieces(cuts: list[int]) -> None:
    cutter, places = Cutter(), [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[a:b] for a, b in itertools.pairwise(places)]
    found = [event for piece in pieces for event in cutter.take(piece)]
    assert [event.name for event in found] == ["ready", "exchange.finished", "conversation.updated"]
    assert [event.about.domain for event in found] == [None, "a", "b"]
    assert found[2].about.moved_from == [OTHER]
    assert cutter.last_id == "abe"


def test_what_is_sent_on_has_no_id_of_anothers_stream() -> None:
    told = Cutter().take(STREAM)[1]
    assert told.frame.startswith(b'event: exchange.finished\ndata: {"requestId"')
    assert told.frame.endswith(b"\n\n")


@pytest.mark.parametrize("stream", [b"event: x\ndata: <html>\n\n", b"a" * 2_000_000])
def test_what_is_no_stream_of_events_is_refused(stream: bytes) -> None:
    with pytest.raises(ValueError, match=r"malformed|without end"):
        Cutter().take(stream)


@pytest.mark.parametrize(
    ("interest", "told"),
    [
        (Interest(), True),
        (Interest(domains=frozenset({"a"})), True),
        (Interest(domains=frozenset({"b"})), False),
        (Interest(domains=frozenset()), False),
        (Interest(names=frozenset({"exchange.finished"})), True),
        (Interest(names=frozenset({"none"})), False),
        (Interest(conversation=TALK), True),
        (Interest(conversation=OTHER), False),
        (Interest(request=UUID(int=3)), True),
        (Interest(request=UUID(int=4)), False),
        (Interest(domains=frozenset({"b"}), conversation=TALK), False),
    ],
)
def test_readers_hear_what_they_may_and_want(interest: Interest, told: bool) -> None:
    happened = event(domain="a", conversation_id=TALK, request_id=UUID(int=3))
    assert interest.covers(happened) is told


def test_who_follows_a_conversation_hears_that_it_went_into_another() -> None:
    assert Interest(conversation=OTHER).covers(event(domain="a", conversation_id=TALK, moved_from=[OTHER]))


def test_what_concerns_all_is_told_to_all() -> None:
    assert Interest(domains=frozenset({"a"}), names=frozenset({"none"})).covers(event("reset"))


async def test_what_comes_at_once_is_sent_at_once() -> None:
    listener = Listener(Interest())
    frames = listener.frames()
    assert await anext(frames) == RETRY
    for _ in range(3):
        listener.offer(event(domain="a"))
    assert (await anext(frames)).count(b"event: ") == 3
    await frames.aclose()


async def test_whoever_reads_too_slowly_is_let_go_and_told() -> None:
    listener = Listener(Interest())
    long = Event("exchange.finished", About(domain="a"), b"x" * 100_000)
    for _ in range(4):
        listener.offer(long)
    told = [frame async for frame in listener.frames()]
    assert told == [RETRY, framed("closed", b'{"reason":"slow"}')]


async def test_who_has_gone_is_told_nothing() -> None:
    listener = Listener(Interest())
    told = asyncio.create_task(_all(listener))
    await asyncio.sleep(0)
    listener.close("gone")
    listener.offer(event(domain="a"))
    assert b"event" not in b"".join(await told)


async def _all(listener: Listener) -> list[bytes]:
    return [frame async for frame in listener.frames()]
