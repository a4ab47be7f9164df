"""What was used by each domain, model, tag, …: which of them have a colour of their own, and the bars they make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from markupsafe import Markup

from plait.common.queries.series import Apart, Cell, together
from plait.common.queries.usage import Counters
from plait.dashboard.islands.charts import PALETTE, Chart, Part, bars, colour
from plait.dashboard.islands.stretches import Stretches
from plait.dashboard.islands.words import dollars, exact, exact_dollars, figure, money, short, short_model

Measure = Literal["requests", "tokens", "cost"]
MEASURES: Final[tuple[Measure, ...]] = get_args(Measure)
UNTOLD_AGENT: Final = "subagent"
"""What sums call sub-agents whose type is not known."""
_LARGE: Final = 100.0
"""From here on a mean is told without its fraction."""


@dataclass(frozen=True)
class Group:
    """One domain, model, … with all it had, or the rest of them together."""

    name: str
    """To read."""
    key: str | None
    """What a filter for it is set to; None: there is no such filter."""
    colour: str
    used: Counters
    rest: bool = False


@dataclass(frozen=True)
class Grouped:
    """Groups, the most used first, and their cells with the names of the groups."""

    groups: list[Group]
    """As many as there are colours, and the rest."""
    all: list[Group]
    """Every one; those of the rest have its colour."""
    cells: list[tuple[str, Cell]]


def measured(used: Counters, measure: Measure) -> float:
    """The figure that bars are as high as."""
    if measure == "cost":
        return used.cost_usd or 0.0
    return float(used.requests if measure == "requests" else used.total_tokens)


def written(number: float, measure: Measure, noun: str = "requests") -> str:
    """It in full: 1,234 requests, 5,678 tokens, $0.0123."""
    if measure == "cost":
        return exact_dollars(number)
    count, things = round(number), noun if measure == "requests" else "tokens"
    return f"1 {things.removesuffix('s')}" if count == 1 else f"{exact(count)} {things}"


def value(number: float, measure: Measure) -> Markup:
    """It in few characters, exact on hover."""
    return dollars(number) if measure == "cost" else figure(round(number))


def mean(number: float, measure: Measure) -> Markup:
    """A mean of it in few characters, exact on hover where that is more."""
    if measure == "cost" or number >= _LARGE:
        return value(number, measure)
    return Markup("{}").format(in_words(number, measure))


def in_words(number: float, measure: Measure) -> str:
    """A mean of it in few characters alone."""
    if measure == "cost":
        return money(number)
    return short(number) if number >= _LARGE else f"{number:.1f}" if number % 1 else f"{number:.0f}"


def group(cells: Sequence[Cell], apart: Apart, measure: Measure) -> Grouped:
    """The cells by their keys."""
    held: dict[str | None, list[Cell]] = {}
    for cell in cells:
        held.setdefault(cell.key, []).append(cell)
    sums = {key: together(own) for key, own in held.items()}
    order = sorted(sums, key=lambda key: (-measured(sums[key], measure), -sums[key].requests, key or ""))
    own_colour = order[: len(PALETTE)]
    texts = _names(order, apart)
    found = [
        Group(texts[key], _filter(key, apart), _colour(number, len(order)), sums[key])
        for number, key in enumerate(order)
    ]
    shown = found[: len(own_colour)]
    if left := found[len(own_colour) :]:
        used = together(one.used for one in left)
        shown = [*shown, Group(f"{len(left)} others", None, left[0].colour, used, rest=True)]
    names = {key: found[number].name if key in own_colour else shown[-1].name for number, key in enumerate(order)}
    return Grouped(shown, found, [(names[cell.key], cell) for cell in cells])


def chart_of(grouped: Grouped, stretches: Stretches, measure: Measure, *, noun: str, description: str) -> Chart:
    """Stacked bars of the groups; `noun`: what is counted, requests or calls."""
    heights: dict[tuple[int, str], float] = {}
    for name, cell in grouped.cells:
        place = (cell.number, name)
        heights[place] = heights.get(place, 0.0) + measured(cell, measure)
    begins, ends, names = stretches.begins, stretches.ends, stretches.names
    parts = [
        Part(begins[n].timestamp(), ends[n].timestamp(), name, height, names[n], written(height, measure, noun))
        for (n, name), height in sorted(heights.items())
        if height
    ]
    return bars(
        parts,
        [one.name for one in grouped.groups],
        ticks=stretches.ticks,
        reach=(begins[0].timestamp(), stretches.until.timestamp()),
        description=description,
        unit="dollars" if measure == "cost" else "number",
    )


def _filter(key: str | None, apart: Apart) -> str | None:
    """Tools are told apart alone; sub-agents whose type nobody told have none that one could ask for."""
    return None if apart == "tool" or (apart, key) == ("agent", UNTOLD_AGENT) else key


def _colour(number: int, of: int) -> str:
    return colour(min(number, len(PALETTE)), min(of, len(PALETTE) + 1))


def _names(keys: Sequence[str | None], apart: Apart) -> dict[str | None, str]:
    """What to call them: no two alike, though models may differ by their date alone."""
    brief = {key: _name(key, apart) for key in keys}
    often = Counter(brief.values())
    return {key: key if key is not None and often[name] > 1 else name for key, name in brief.items()}


def _name(key: str | None, apart: Apart) -> str:
    if key is None:
        return f"no {apart}"
    return short_model(key) if apart == "model" else key
