"""What analyses say of quality, taken together, and day by day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal
from zoneinfo import ZoneInfo

from plait.common.queries.analyses import QualityOfDay
from plait.dashboard.islands.charts import Chart, Point, day_ticks, line

Score = Literal["prompt_clarity", "context_completeness"]
CURVES: Final[dict[Score, str]] = {
    "prompt_clarity": "How clear prompts were",
    "context_completeness": "How complete their context was",
}
BEST: Final = 10.0
_HEIGHT: Final = 170


@dataclass(frozen=True)
class Quality:
    """The figures of all days; each analysis counts alike."""

    analyses: int
    prompt_clarity: float
    context_completeness: float
    positive: int
    negative: int


def quality_of(days: Sequence[QualityOfDay]) -> Quality:
    """At least one day's."""
    count = sum(day.analyses for day in days)
    return Quality(
        analyses=count,
        prompt_clarity=sum(day.prompt_clarity * day.analyses for day in days) / count,
        context_completeness=sum(day.context_completeness * day.analyses for day in days) / count,
        positive=sum(day.positive for day in days),
        negative=sum(day.negative for day in days),
    )


def curve(days: Sequence[QualityOfDay], score: Score, title: str, zone: ZoneInfo) -> Chart:
    """One score day by day, from 0 to 10."""
    values = [(day, float(getattr(day, score)), day.day.astimezone(zone)) for day in days]
    points = [
        Point(
            at=day.day.timestamp(),
            value=value,
            when=f"{local:%A} {local.day} {local:%B}",
            shown=f"{value:.1f} of 10, {day.analyses} analyses",
        )
        for day, value, local in values
    ]
    said = f"{title}, from 0 to 10, day by day: " + ", ".join(
        f"{local.day} {local:%b} {value:.1f}" for _, value, local in values[-14:]
    )
    ticks = day_ticks([day.day for day in days], zone)
    return line(points, ticks=ticks, description=said, highest=BEST, height=_HEIGHT)
