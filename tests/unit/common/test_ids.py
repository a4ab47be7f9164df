from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from plait.common.ids import conversation_id, id_text, new_exchange_id

MOMENTS = st.floats(0, 2**48 / 1000 - 1)


@given(MOMENTS)
def test_an_exchange_id_is_a_uuid_of_version_7_with_its_time(at: float) -> None:
    made = new_exchange_id(at)
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert made.int >> 80 == int(at * 1000)


@given(MOMENTS, st.floats(0.001, 1e6))
def test_later_exchanges_have_greater_ids(at: float, later: float) -> None:
    if int(at * 1000) < int((at + later) * 1000) < 2**48:
        assert new_exchange_id(at) < new_exchange_id(at + later)


@given(st.uuids())
def test_an_id_reads_as_its_uuid(number: UUID) -> None:
    assert id_text(number.bytes) == str(number)


def test_no_two_are_equal() -> None:
    assert len({new_exchange_id(1.0) for _ in range(10_000)}) == 10_000


def test_a_conversation_has_the_same_id_after_any_replay() -> None:
    root = UUID("019565a0-0000-7000-8000-000000000001")
    assert conversation_id(root) == conversation_id(UUID(str(root).upper()))
    assert conversation_id(root).version == 5
    assert conversation_id(root) != conversation_id(new_exchange_id())
