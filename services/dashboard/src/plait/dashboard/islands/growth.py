"""How a branch used its model: the prompt of each turn, what of it the cache gave, cost by model, misses by cause."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from plait.common.queries.cache import CacheMiss
from plait.common.queries.exchanges import ExchangeSummary
from plait.dashboard.islands.charts import Chart, Part, Point, Tick, bars, line
from plait.dashboard.islands.context import context_of
from plait.dashboard.islands.words import exact

SERIES: Final = ("Read from the cache", "Written to the cache", "Neither")
_MOST_BARS: Final = 160
"""Bars of a chart: of more turns each bar is the mean of some."""
_TICKS: Final = 8


@dataclass(frozen=True)
class ModelUse:
    """What one model was used for."""

    model: str | None
    requests: int
    prompt_tokens: int
    output_tokens: int
    cost_usd: float | None
    """Of those whose price is known; None where none is."""


@dataclass(frozen=True)
class Missed:
    """Misses of one cause."""

    cause: str
    misses: list[CacheMiss]
    """The dearest first."""

    @property
    def tokens(self) -> int:
        """Tokens that could have been read and were not."""
        return sum(one.missed_tokens for one in self.misses)

    @property
    def cost_usd(self) -> float:
        """Dollars more than reading would have cost, of those whose price is known."""
        return sum(one.cost_usd or 0.0 for one in self.misses)


def used_turns(turns: Iterable[ExchangeSummary], branch_of: Mapping[UUID, str], branch: str) -> list[ExchangeSummary]:
    """The turns of one branch that used a prompt."""
    return [one for one in turns if branch_of[one.request_id] == branch and prompt_of(one)]


def prompt_of(one: ExchangeSummary) -> int:
    """Tokens of its prompt."""
    return one.total_tokens - one.output_tokens


def context_chart(turns: Sequence[ExchangeSummary], misses: Collection[UUID]) -> Chart:
    """The prompt of each turn beside the window of its model; turns that missed the cache are marked."""
    points = [
        Point(
            at=float(number),
            value=float(prompt_of(one)),
            when=f"turn {number}",
            shown=f"{exact(prompt_of(one))} tokens",
            warned=one.request_id in misses,
            note="missed the cache" if one.request_id in misses else "",
        )
        for number, one in enumerate(turns, start=1)
    ]
    last = context_of(prompt_of(turns[-1]), turns[-1].model)
    near = last is not None and not last.estimated and max(point.value for point in points) > last.window / 4
    said = (
        f"Tokens of the prompt of each of {len(turns)} turns: {exact(prompt_of(turns[0]))} in the first, "
        f"{exact(prompt_of(turns[-1]))} in the last, {exact(max(map(prompt_of, turns)))} at most."
    )
    return line(points, ticks=_ticks(len(turns)), description=said, limit=last.window if last and near else None)


def cache_chart(turns: Sequence[ExchangeSummary]) -> Chart:
    """What of each turn's prompt was read from the cache, written to it, and neither."""
    parts = [part for stretch in _stretches(turns) for part in _parts(*stretch)]
    read = sum(one.cache_read_input_tokens for one in turns)
    whole = sum(map(prompt_of, turns))
    said = f"Of {exact(whole)} tokens of prompts in {len(turns)} turns {exact(read)} were read from the cache."
    return bars(parts, SERIES, ticks=_ticks(len(turns)), description=said)


def by_model(exchanges: Iterable[ExchangeSummary]) -> list[ModelUse]:
    """The dearest first."""
    found: dict[str | None, list[ExchangeSummary]] = {}
    for one in exchanges:
        if one.total_tokens:
            found.setdefault(one.model, []).append(one)
    uses = [_use(model, own) for model, own in found.items()]
    return sorted(uses, key=lambda use: (use.cost_usd or 0.0, use.prompt_tokens), reverse=True)


def by_cause(misses: Iterable[CacheMiss]) -> list[Missed]:
    """The dearest cause first."""
    found: dict[str, list[CacheMiss]] = {}
    for one in misses:
        found.setdefault(one.cause or "unexplained", []).append(one)
    return sorted((Missed(*each) for each in found.items()), key=lambda one: (one.cost_usd, one.tokens), reverse=True)


def _use(model: str | None, own: Sequence[ExchangeSummary]) -> ModelUse:
    costs = [one.cost_usd for one in own if one.cost_usd is not None]
    return ModelUse(
        model, len(own), sum(map(prompt_of, own)), sum(one.output_tokens for one in own), sum(costs) if costs else None
    )


def _stretches(turns: Sequence[ExchangeSummary]) -> Iterator[tuple[int, Sequence[ExchangeSummary]]]:
    """The number of the first turn of each bar, and its turns."""
    step = -(-len(turns) // _MOST_BARS) or 1
    return ((start + 1, turns[start : start + step]) for start in range(0, len(turns), step))


def _parts(number: int, turns: Sequence[ExchangeSummary]) -> Iterator[Part]:
    count = len(turns)
    values = (
        sum(one.cache_read_input_tokens for one in turns),
        sum(one.cache_creation_input_tokens for one in turns),
        sum(one.input_tokens for one in turns),
    )
    when = f"turn {number}" if count == 1 else f"turns {number} to {number + count - 1}, on average"
    for series, value in zip(SERIES, values, strict=True):
        shown = f"{exact(round(value / count))} tokens"
        yield Part(number - 0.5, number + count - 0.5, series, value / count, when, shown)


def _ticks(count: int) -> list[Tick]:
    step = max(-(-count // _TICKS), 1)
    return [Tick(float(number), str(number)) for number in range(1, count + 1, step)]
