"""From the provider's usage object to what an exchange used: pure, and total (any JSON object gives figures).

Rules (wire.md, "Answers"): the figures are the last ones seen. Tokens read from and written to the prompt cache are not
part of `input_tokens`. A cache write lives 5 minutes unless the request asked for an hour, so writes whose lifetime is
not told count as 5 minutes: that is also how the provider charges them by default. The lifetimes can be older than
the total, which grows late when server tools write to the cache; the difference is 5-minute writes too.

`iterations` lists the model runs that one call took. The provider's own figures at the top sum the runs that made the
answer (`message`, `fallback_message`); those of a compaction or of an advising model stand beside them. Each run may be
of another model, and is a prompt of its own length: both matter to its price. When the listed runs do not account for
all that the top tells, the top holds, and only what is known to stand beside it is added.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeAlias

from msgspec import Struct

MOST_TOKENS: Final = 2**53
"""No figure is larger: beyond it JSON numbers are no longer exact, and no exchange has that many tokens."""
MOST_CALLS: Final = 2**31 - 1
"""Server tool calls are kept as 32-bit numbers."""
MOST_RUNS: Final = 1000
"""Runs that are looked at; no call takes as many."""

Json: TypeAlias = "dict[str, Any]"

_BESIDE: Final = frozenset({"compaction", "advisor_message"})
"""Types of iterations that the figures at the top leave out."""


class Tokens(Struct, frozen=True, gc=False):
    """Tokens of one run of a model, or of several; none is negative."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_creation_5m: int = 0
    cache_creation_1h: int = 0

    @property
    def cache_creation(self) -> int:
        """Written to the cache, for 5 minutes or an hour."""
        return self.cache_creation_5m + self.cache_creation_1h

    @property
    def prompt(self) -> int:
        """How long the prompt was."""
        return self.input + self.cache_read + self.cache_creation


class Run(Struct, frozen=True):
    """One run of a model."""

    model: str | None
    """None: the model that answered."""
    tokens: Tokens


class Usage(Struct, frozen=True):
    """What one exchange used."""

    tokens: Tokens
    """Of all runs."""
    thinking_tokens: int
    """The part of the output that was thinking."""
    web_search_requests: int
    web_fetch_requests: int
    service_tier: str | None
    """standard, priority or batch."""
    speed: str | None
    """standard or fast."""
    geography: str | None
    """Where the model had to run, if that was asked for."""
    runs: tuple[Run, ...]
    """What is priced, each by itself."""

    @property
    def input_tokens(self) -> int:
        """Neither read from the cache nor written to it."""
        return self.tokens.input

    @property
    def output_tokens(self) -> int:
        """Thinking included."""
        return self.tokens.output

    @property
    def cache_read_tokens(self) -> int:
        """Read from the cache."""
        return self.tokens.cache_read

    @property
    def cache_creation_tokens(self) -> int:
        """Written to the cache, for 5 minutes or an hour."""
        return self.tokens.cache_creation


def parse(usage: Json) -> Usage:
    """What a usage object says. A figure that is missing, or that no count can be, is 0."""
    tools = _object(usage, "server_tool_use")
    runs = _runs(usage)
    return Usage(
        tokens=runs[0].tokens if len(runs) == 1 else _sum(run.tokens for run in runs),
        thinking_tokens=_count(_object(usage, "output_tokens_details"), "thinking_tokens"),
        web_search_requests=_count(tools, "web_search_requests", MOST_CALLS),
        web_fetch_requests=_count(tools, "web_fetch_requests", MOST_CALLS),
        service_tier=_word(usage, "service_tier"),
        speed=_word(usage, "speed"),
        geography=_word(usage, "inference_geo"),
        runs=runs,
    )


def totals(usage: Any) -> dict[str, int]:
    """The figures that lists show of a usage object, by their names in rows; none where it is no object."""
    if not isinstance(usage, dict):
        return {}
    used = parse(usage).tokens
    return {
        "input_tokens": used.input,
        "output_tokens": used.output,
        "cache_read_input_tokens": used.cache_read,
        "cache_creation_input_tokens": used.cache_creation,
        "total_tokens": used.prompt + used.output,
    }


def _runs(usage: Json) -> tuple[Run, ...]:
    top = Run(None, _tokens(usage))
    listed = usage.get("iterations")
    if not isinstance(listed, list) or not listed:
        return (top,)
    found = [one for one in listed[:MOST_RUNS] if isinstance(one, dict)]
    answering = [_run(one) for one in found if one.get("type") not in _BESIDE]
    beside = [_run(one) for one in found if one.get("type") in _BESIDE]
    return (*(answering if _accounts_for(answering, top.tokens) else (top,)), *beside)


def _accounts_for(runs: Sequence[Run], top: Tokens) -> bool:
    listed = _sum(run.tokens for run in runs)
    return bool(runs) and all(
        more >= less
        for more, less in (
            (listed.input, top.input),
            (listed.output, top.output),
            (listed.cache_read, top.cache_read),
            (listed.cache_creation, top.cache_creation),
        )
    )


def _run(iteration: Json) -> Run:
    return Run(_word(iteration, "model"), _tokens(iteration))


def _tokens(figures: Json) -> Tokens:
    by_lifetime = _object(figures, "cache_creation")
    hour = _count(by_lifetime, "ephemeral_1h_input_tokens")
    five = _count(by_lifetime, "ephemeral_5m_input_tokens")
    written = _count(figures, "cache_creation_input_tokens")
    return Tokens(
        _count(figures, "input_tokens"),
        _count(figures, "output_tokens"),
        _count(figures, "cache_read_input_tokens"),
        max(five, written - hour),
        hour,
    )


def _sum(tokens: Iterable[Tokens]) -> Tokens:
    total = [0, 0, 0, 0, 0]
    for one in tokens:
        parts = (one.input, one.output, one.cache_read, one.cache_creation_5m, one.cache_creation_1h)
        total = [min(sum(pair), MOST_TOKENS) for pair in zip(total, parts, strict=True)]
    return Tokens(*total)


def _object(holder: Json, name: str) -> Json:
    found = holder.get(name)
    return found if isinstance(found, dict) else {}


def _word(holder: Json, name: str) -> str | None:
    found = holder.get(name)
    return found if isinstance(found, str) and found else None


def _count(holder: Json, name: str, most: int = MOST_TOKENS) -> int:
    found = holder.get(name)
    if isinstance(found, bool) or not isinstance(found, int):
        return 0
    return found if 0 <= found <= most else 0
