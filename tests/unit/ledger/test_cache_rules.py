"""Rules of the cache doctor that need no database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

from plait.common.bodies import last_mark, take_apart_request
from plait.common.pricing.book import PriceBook
from plait.ledger.cache.judging import Before, Evidence, judge, missed
from plait.ledger.cache.messages import common_of
from plait.ledger.cache.pricing import cost_of_miss
from plait.ledger.cache.turn import Figures, Turn, client_of, turn_of

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MARK = {"cache_control": {"type": "ephemeral"}}
ROW: dict[str, Any] = {
    "id": UUID(int=1), "domain": "a.test", "account_id": None, "model": "claude-opus-4-5", "client": None,
    "session_id": None, "started_at": NOW, "first_byte_ms": 500.0, "duration_ms": 900.0, "conversation_id": None,
    "link_kind": "continue", "parent_id": None, "retry_of": None, "serves_id": None, "chain": b"c", "depth": 3,
    "system": None, "tools": None, "input_tokens": 10, "cache_read_tokens": 2000, "cache_creation_5m_tokens": 300,
    "cache_creation_1h_tokens": 0, "is_whole": True, "raw": None,
}  # fmt: skip


def turn(**columns: Any) -> Turn:
    return turn_of({**ROW, **columns})


def test_a_call_of_several_runs_read_what_its_first_run_read_and_left_what_its_last_one_left() -> None:
    runs = [
        {"type": "message", "input_tokens": 4, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 100},
        {"type": "message", "input_tokens": 4, "cache_read_input_tokens": 1100, "cache_creation_input_tokens": 200},
        {"type": "advisor_message", "input_tokens": 9000},
    ]
    assert turn(raw={"iterations": runs}).figures == Figures(1104, 1000, 1300, 300)


def test_who_used_no_prompt_is_no_turn() -> None:
    assert turn(is_whole=False).figures is None
    assert turn(input_tokens=0, cache_read_tokens=0, cache_creation_5m_tokens=0).figures is None


@pytest.mark.parametrize(
    ("agent", "client"),
    [
        ("claude-cli/2.1.329 (external, cli)", "claude-cli/2.1.329"),
        ("Anthropic/Python 2.11.0", "Anthropic/Python 2.11.0"),
        ("curl", "curl"),
        (" \0 ", None),
        (None, None),
    ],
)
def test_clients_by_name_and_version(agent: str | None, client: str | None) -> None:
    assert client_of(agent) == client


def before(expected: int, followed: Turn | None = None, idle_s: float = 10) -> Before:
    used = NOW - timedelta(seconds=idle_s)
    return Before(turn=followed, id=UUID(int=9), expected=expected, used_at=used, lifetime_s=None)


@pytest.mark.parametrize(("expected", "missing"), [(2000, 0), (2064, 0), (2065, 65), (200, 0)])
def test_a_few_tokens_are_no_miss(expected: int, missing: int) -> None:
    assert missed(turn(), before(expected)) == missing


def test_what_has_no_other_cause_is_unexplained() -> None:
    found = judge(turn(), before(5000, turn(id=UUID(int=9))), Evidence())
    assert (found.cause, found.missed, found.reusable) == ("unexplained", 3000, 5000)


def test_what_a_compaction_wrote_anew_is_its_own() -> None:
    found = judge(turn(link_kind="after_compaction"), before(5000, turn(system=b"other")), Evidence())
    assert found.cause == "compaction"


def test_a_prompt_that_nobody_began_alike_is_a_first_use() -> None:
    found = judge(turn(cache_read_tokens=0), None, Evidence())
    assert (found.cause, found.missed, found.expected) == ("first_use", 0, None)


def links(*names: str) -> dict[int, tuple[bytes, bytes]]:
    """A list of messages by the names of their texts."""
    return {n: ("".join(names[:n]).encode(), name.encode()) for n, name in enumerate(names, 1)}


@pytest.mark.parametrize(
    ("mine", "theirs", "common"),
    [
        ("abcd", "abc", (3, None)),
        ("abXd", "abcd", (2, "edited")),
        ("abXcd", "abcd", (2, "inserted")),
        ("abd", "abcd", (2, "dropped")),
        ("ab", "abcd", (2, "dropped")),
        ("x", "abcd", (0, "edited")),
    ],
)
def test_where_messages_part(mine: str, theirs: str, common: tuple[int, str | None]) -> None:
    found = common_of(links(*mine), links(*theirs))
    assert (found.messages, found.change) == common


def test_where_messages_part_too_far_back_is_not_known() -> None:
    mine, theirs = links(*"Xbcdef"), links(*"abcdef")
    assert common_of({n: mine[n] for n in (5, 6)}, {n: theirs[n] for n in (5, 6)}).messages is None


def test_a_miss_is_charged_as_what_was_written_first_and_then_as_input() -> None:
    usage = {
        "input_tokens": 500,
        "cache_creation_input_tokens": 300,
        "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
    }
    cost = cost_of_miss(PriceBook(), usage, "claude-opus-4-5", NOW, 400)
    dollars = 100 * Decimal("6.25") + 200 * Decimal(10) + 100 * Decimal(5) - 400 * Decimal("0.5")
    assert cost == dollars / 1_000_000
    assert cost_of_miss(PriceBook(), usage, "nobody's model", NOW, 400) is None


@pytest.mark.parametrize(
    ("body", "last"),
    [
        ({"messages": [{"role": "user", "content": "a"}]}, None),
        ({"system": [{"type": "text", "text": "s", **MARK}], "messages": [{"role": "user", "content": "a"}]}, -1),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "a", **MARK}]}] * 2}, 1),
    ],
)
def test_the_last_mark_of_a_request(body: dict[str, Any], last: int | None) -> None:
    assert last_mark(take_apart_request(msgspec.json.encode(body)).remainder) == last
