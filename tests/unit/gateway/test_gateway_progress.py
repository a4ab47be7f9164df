"""The resume point: never past what is not safe, and at the end of the spool when all is."""

from __future__ import annotations

from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from plait.common.topics import CHUNKS, REQUESTS, RESPONSES
from plait.gateway.shipper.progress import Places, Progress
from plait.gateway.shipper.publishing import Committed
from plait.gateway.spool.segments import Position

READER = Position(9, 9)
PLACE = TopicPartition(REQUESTS.name, 0)


def is_safe(_places: Places) -> bool:
    return True


@given(st.lists(st.booleans(), min_size=1, max_size=8))
def test_it_is_the_oldest_exchange_that_is_not_done(done: list[bool]) -> None:
    progress = Progress()
    for n, finished in enumerate(done):
        hold = progress.began(Position(1, n))
        hold.sent()
        if finished:
            hold.acknowledged(PLACE, n)
            hold.end()
    expected = Position(1, done.index(False)) if False in done else READER
    assert progress.resume_point(READER, is_safe) == expected
    assert progress.resume_point(READER, is_safe) == expected


def test_an_exchange_waits_for_its_end_and_for_each_acknowledgement() -> None:
    progress = Progress()
    hold = progress.began(Position(1, 0))
    hold.sent()
    hold.acknowledged(PLACE, 0)
    assert progress.resume_point(READER, is_safe) == Position(1, 0)
    hold.sent()
    hold.end()
    assert progress.resume_point(READER, is_safe) == Position(1, 0)
    hold.acknowledged(PLACE, 1)
    assert progress.resume_point(READER, is_safe) == READER


def test_what_an_older_stretch_still_holds_comes_before_all_of_a_newer_one() -> None:
    older, newer = Progress(), Progress()
    first, second, third = older.began(Position(1, 0)), older.began(Position(1, 9)), newer.began(Position(2, 0))
    newer.follow(older)
    found = []
    for hold in (first, second, third):
        found.append(newer.resume_point(READER, is_safe))
        hold.end()
    assert found == [Position(1, 0), Position(1, 9), Position(2, 0)]
    assert newer.resume_point(READER, is_safe) == READER


def test_on_a_forgetful_broker_every_keeper_must_be_past_what_it_reads() -> None:
    request, chunk, response = (TopicPartition(topic.name, 3) for topic in (REQUESTS, CHUNKS, RESPONSES))
    published = {request: 7, chunk: 2, response: 5}
    linker, ledger = {request: 8, chunk: 3, response: 6}, {request: 8, response: 6}
    assert Committed({"plait.linker": linker, "plait.ledger": ledger}).covers(published)
    assert not Committed({"plait.linker": linker, "plait.ledger": ledger | {response: 5}}).covers(published)
    assert not Committed({"plait.linker": linker | {chunk: 2}, "plait.ledger": ledger}).covers(published)
    assert not Committed({"plait.linker": linker, "plait.ledger": {}}).covers(published)
