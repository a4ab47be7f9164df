"""Who asks: domains with their accounts, keys and tags, from busy to quiet, and how a client of each of them works."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Final
from uuid import UUID

from plait.common.blobs import Blob, json_blob
from plait.common.frames import frame_of
from tests.bench.growth import words

_DOMAINS: Final = 40
_BUSIEST: Final = list(accumulate(1 / (n + 1) ** 1.1 for n in range(_DOMAINS)))
"""Each domain has its share, as words have in a language: the first a fifth of everything, the last little."""
_TAGS: Final = ("ci", "nightly", "review", "docs", "migration", "research", "support", "blue", "green", "release")
_CLIENTS: Final = (
    "claude-cli/2.1.329 (external, cli)", "claude-cli/2.1.318 (external, sdk-py)", "claude-cli/2.0.76 (external, cli)",
    "Anthropic/Python 0.112.0",
)  # fmt: skip
_MODELS: Final = ("claude-opus-4-5", "claude-sonnet-4-5", "claude-sonnet-4-5", "claude-haiku-4-5", "house-model-1")
"""The last has no public price."""
SIDE_MODEL: Final = "claude-haiku-4-5"


@dataclass(frozen=True)
class Person:
    """One client at work in one session."""

    domain: str
    account_id: str | None
    key_name: str | None
    tag: str | None
    client: str
    session_id: str | None
    model: str
    subscribed: bool
    """Nobody is billed for what it uses."""
    caches: bool
    """Whether its requests carry cache marks."""
    lifetime: str
    """Of what it caches: 5m or 1h."""
    frame: Blob
    beside_frame: bytes
    answer_frame: Blob
    beside_answer_frame: bytes
    system: Blob
    tools: Blob

    @property
    def programmed(self) -> bool:
        """A program of its own, that sends no session and calls no tools of Claude Code."""
        return self.session_id is None

    @property
    def blobs(self) -> tuple[Blob, ...]:
        """What its requests and answers share."""
        return (self.frame, self.answer_frame, self.system, self.tools)


def person(chance: random.Random) -> Person:
    """Somebody, of the busy domains more often."""
    number = chance.choices(range(_DOMAINS), cum_weights=_BUSIEST)[0]
    domain = f"team-{number:02}.example.test"
    client = chance.choices(_CLIENTS, (60, 15, 10, 15))[0]
    programmed = client.startswith("Anthropic")
    session = None if programmed else str(UUID(bytes=chance.randbytes(16), version=4))
    model = chance.choices(_MODELS, (40, 30, 15, 12, 3))[0]
    frame, beside = frame_of(_request_fields(domain, client, session), {"model": model, "max_tokens": 32000})
    answer_frame, beside_answer = frame_of(_answer_fields(chance), {})
    return Person(
        domain=domain,
        account_id=chance.choice(_accounts(number)) if _accounts(number) else None,
        key_name=chance.choice((None, f"team-{number:02}-laptop", f"team-{number:02}-ci", f"team-{number:02}-shared")),
        tag=chance.choice(_TAGS) if chance.random() < 0.4 else None,
        client=client,
        session_id=session,
        model=model,
        subscribed=number % 3 == 0,
        caches=not programmed,
        lifetime="1h" if number % 4 == 1 else "5m",
        frame=frame,
        beside_frame=beside,
        answer_frame=answer_frame,
        beside_answer_frame=beside_answer,
        system=_SYSTEMS[chance.randrange(len(_SYSTEMS))],
        tools=_TOOL_LISTS[chance.randrange(len(_TOOL_LISTS))],
    )


def accounts() -> list[tuple[str, str]]:
    """Every account with its domain."""
    return [(f"team-{number:02}.example.test", name) for number in range(_DOMAINS) for name in _accounts(number)]


@cache
def _accounts(number: int) -> list[str]:
    """One in ten domains passes its clients' own keys through."""
    return [f"account-{number:02}-{n}" for n in range(1 + number % 3)] if number % 10 != 9 else []


def _request_fields(domain: str, client: str, session: str | None) -> list[tuple[str, str]]:
    fields = [
        ("host", domain),
        ("content-type", "application/json"),
        ("user-agent", client),
        ("content-length", "9000"),
    ]
    return [*fields, ("x-claude-code-session-id", session)] if session else fields


def _answer_fields(chance: random.Random) -> list[tuple[str, str]]:
    return [
        ("content-type", "text/event-stream; charset=utf-8"),
        ("anthropic-ratelimit-unified-status", "allowed"),
        ("anthropic-ratelimit-unified-5h-utilization", f"{chance.random():.2f}"),
        ("request-id", f"req_{chance.randbytes(12).hex()}"),
    ]


def _systems(chance: random.Random) -> list[Blob]:
    return [
        json_blob([{"type": "text", "text": "You are a coder."}, {"type": "text", "text": words(chance, 9_000)}])
        for _ in range(20)
    ]


def _tool_lists(chance: random.Random) -> list[Blob]:
    return [
        json_blob([{"name": f"Tool{n}", "description": words(chance, 500), "input_schema": {}} for n in range(12)])
        for _ in range(10)
    ]


_SYSTEMS: Final = _systems(random.Random(1))
_TOOL_LISTS: Final = _tool_lists(random.Random(2))
