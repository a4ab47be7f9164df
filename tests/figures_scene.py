"""Two weeks of made-up use for the pages of figures: accounts, windows, tags, tools, misses of the cache, analyses."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

import asyncpg
import msgspec

from plait.common.ids import conversation_id, new_exchange_id
from tests import seeding

DAYS: Final = 14
DOMAINS: Final = ("mobile.acme.dev", "search.acme.dev", "payments.acme.dev")
ACCOUNTS: Final = ("acc_team", "acc_night")
MODELS: Final = ("claude-opus-5-5", "claude-haiku-5-1-20260801", "house-model-1")
PRICES: Final = (0.0421, 0.0007, None)
TAGS: Final = ("ci", "docs", None)
_SPACE: Final = UUID(int=7)
_TIPS: Final = (
    ("context", "The failing test was not named", "Name the test and what it prints.", "`test_kill` fails: torn tail"),
    ("clarity", "Two wishes in one prompt", "Ask for one thing at a time.", ""),
    ("specificity", "No place was told", "Say which module is meant.", "In `spool/writer.py` …"),
)  # fmt: skip


async def seed_figures(db: asyncpg.Connection, now: datetime, per_day: int = 12) -> None:
    """Write it all, ending a little before `now`."""
    for number, at in enumerate(_moments(now, per_day)):
        await _exchange(db, number, at)
    await _limits(db, now)
    for number in range(16):
        await _analysis(db, number, now - timedelta(hours=7 * number, minutes=5))


def _moments(now: datetime, per_day: int) -> Iterator[datetime]:
    chance = random.Random(5)
    for day in reversed(range(DAYS)):
        for _ in range(per_day):
            yield now - timedelta(days=day, minutes=5 + chance.triangular(0, 1400, 500))


async def _exchange(db: asyncpg.Connection, number: int, at: datetime) -> None:
    own, model, account = new_exchange_id(at.timestamp()), number % 3, ACCOUNTS[number % 2]
    place: dict[str, Any] = {
        "domain": DOMAINS[number % 7 % 3],
        "started_at": at,
        "account_id": account,
        "model": MODELS[model],
    }
    place |= {"tag": TAGS[number % 3], "key_name": "laptop" if number % 4 else None, "kind": "inference"}
    failed = number % 19 == 0
    outcome: dict[str, Any] = {"status": 529, "outcome": "failed"} if failed else {}
    await seeding.add_exchange(db, **{"id": own, **place, "tool_call_count": number % 3, **outcome})
    if failed:
        return
    price = PRICES[model]
    cost = None if price is None else price * (1 + number % 5)
    tokens = (200 + number, 900 + 13 * number, 21_000 + 150 * number, 1_800)
    told = {"cost_usd": cost, "subscription": account == "acc_night"}
    await seeding.add_usage(db, own, tokens, **place, **told)
    await _tools(db, own, number, place)
    if number % 11 == 5:
        await _miss(db, own, number, place)


async def _tools(db: asyncpg.Connection, own: UUID, number: int, place: dict[str, Any]) -> None:
    for call in range(number % 3):
        at = place["started_at"] + timedelta(seconds=4)
        row = {
            "key": uuid5(_SPACE, f"{number} {call}"),
            "domain": place["domain"],
            "account_id": place["account_id"],
            "exchange_id": own,
            "tool": ("Bash", "Read", "Edit")[(number + call) % 3],
            "called_at": at,
            "returned_in": own,
            "returned_at": at + timedelta(seconds=2 + number % 9),
            "failed": number % 13 == 1,
            "lines_added": 5,
            "lines_removed": 2,
        }
        await seeding.insert(db, "tool_calls", row)


async def _miss(db: asyncpg.Connection, own: UUID, number: int, place: dict[str, Any]) -> None:
    row = {
        "exchange_id": own,
        **{name: place[name] for name in ("domain", "account_id", "model", "started_at")},
        "client": "claude-cli/2.4.1",
        "scope": 1,
        "source": False,
        "readable_at": place["started_at"],
        "prompt_tokens": 22_000,
        "read_tokens": 2_000,
        "left_tokens": 22_000,
        "expected_tokens": 21_000,
        "missed_tokens": 19_000,
        "cause": ("lifetime_over", "tools", "message")[number % 3],
        "cost_usd": 0.05 + number / 1000,
    }
    await seeding.insert(db, "cache_findings", row)


async def _limits(db: asyncpg.Connection, now: datetime) -> None:
    seen = {"first_seen": now - timedelta(hours=3), "last_seen": now - timedelta(minutes=4)}
    windows = (
        ("acc_team", "5h", timedelta(hours=2), 0.74, "allowed_warning"),
        ("acc_team", "7d", timedelta(days=3), 0.41, "allowed"),
        ("acc_night", "5h", timedelta(hours=1), 0.12, "allowed"),
        ("acc_night", "7d", timedelta(days=1), 0.96, "allowed_warning"),
    )
    for account, claim, left, used, status in windows:
        row = {"account_id": account, "domain": DOMAINS[0], "claim": claim, "ends_at": now + left, **seen}
        await seeding.insert(db, "limit_windows", {**row, "utilization": used, "status": status})
    for part, value in (("limit", "4000"), ("remaining", "1000"), ("reset", (now + timedelta(seconds=50)).isoformat())):
        header = {"account_id": None, "domain": "keys.acme.dev", "name": f"anthropic-ratelimit-requests-{part}"}
        own = new_exchange_id(now.timestamp())
        row = {**header, "value": value, "seen_at": now - timedelta(minutes=1), "exchange_id": own}
        await seeding.insert(db, "account_limits", row)
    for hours in (2, 30, 31):
        row = {"account_id": "acc_team", "domain": DOMAINS[0], "seen_at": now - timedelta(hours=hours), "status": "429"}
        await seeding.insert(db, "limit_warnings", {**row, "exchange_id": new_exchange_id(now.timestamp())})


async def _analysis(db: asyncpg.Connection, number: int, at: datetime) -> None:
    root = await seeding.add_exchange(db, id=new_exchange_id(at.timestamp()), started_at=at, domain=DOMAINS[number % 3])
    await seeding.add_link(db, root, root)
    titles = {"title": ("Fix the flaky spool recovery test", "Review the rate limiter <b>change</b>")[number % 2]}
    times = {"first_time": at, "last_time": at, "latest_id": root}
    await seeding.add_conversation(db, root, domain=DOMAINS[number % 3], **titles, **times)
    status = ("completed", "completed", "completed", "failed", "pending", "processing")[number % 6]
    row: dict[str, Any] = {
        "id": new_exchange_id(at.timestamp()),
        "domain": DOMAINS[number % 3],
        "status": status,
        "asked_at": at,
        "created_at": at,
        "updated_at": at,
        "error": "The model did not answer within 120 s." if status == "failed" else None,
    }
    if status == "completed":
        row |= _result(number, at)
    await seeding.add_analysis(db, conversation_id(root), **row)


def _result(number: int, at: datetime) -> dict[str, Any]:
    tips = [
        dict(zip(("category", "issue", "suggestion", "example"), tip, strict=True)) for tip in _TIPS[: 1 + number % 3]
    ]
    patterns = {"promptClarity": 5 + number % 5, "contextCompleteness": 4 + number % 4}
    data = {
        "summary": "The header was written before its length was known; that is fixed, and the test runs fifty times.",
        "sentiment": ("positive", "mixed", "negative")[number % 3],
        "promptingTips": tips,
        "interactionPatterns": patterns,
    }
    made = {
        "provider": "gemini",
        "model": "gemini-3-pro",
        "prompt_version": "1",
        "duration_ms": 8100,
        "cost_usd": 0.0123,
    }
    tokens = {"prompt_tokens": 9000, "completion_tokens": 700, "total_tokens": 9700}
    return {
        "completed_at": at,
        "content": "# An analysis",
        "data": msgspec.json.encode(data).decode(),
        **made,
        **tokens,
    }
