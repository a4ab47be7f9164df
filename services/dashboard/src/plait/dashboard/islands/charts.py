"""Charts: Vega-Lite specifications as plain data, and the one way to draw them.

Streamlit draws them in the colours and the font of the theme, light or dark, and evaluates no script: expressions go
through Vega's interpreter. They are written as data because building them of Altair's objects, which check themselves
as they are built, takes 200 ms each; a test checks them against the same schema.

`bars` draws parts piled up over stretches of an axis, `line` a curve over its moments. Both axes are numbers: seconds
since 1970 for times, or turns counted from 1. What stands at the axis is told by `Tick`s, so that days are those of the
reader's zone, an hour that comes twice has its two places, and nothing depends on the browser's clock.

    draw(bars(parts, ticks=day_ticks(begins, clock.zone), unit="dollars", description="Cost an hour …"), key="cost")
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import streamlit as st
from pyarrow.json import ParseOptions, ReadOptions, read_json  # type: ignore[attr-defined]  # untyped, no __all__
from pyarrow.lib import Table, bool_, field, float64, schema, string

PALETTE: Final = ("#7c5cf5", "#d5752a", "#149c8a", "#d2559c", "#3f86dd", "#9a8a14", "#5a9e35")
"""Colours of series: each stands out from the ground of the light and of the dark theme by 3 to 1 at least."""
REST: Final = "#7f8796"
"""Colour of what is left when there are more series than colours."""
WARNING: Final = "#d9544b"

_LINES: Final = {"when": "title", "series": "Of", "shown": "Used", "note": "Note"}

Unit = Literal["number", "dollars", "share"]
_FORMATS: Final[dict[Unit, str]] = {"number": "~s", "dollars": "$~f", "share": ".0%"}
_LARGE: Final = 1000.0
_TYPES: Final = {**dict.fromkeys(("start", "end", "at", "foot", "value"), float64()), "warned": bool_()}
"""Of columns that are no texts."""
_HEIGHT: Final = 260
_GAP: Final = 0.12
"""Of a bar's place, left free between it and the next."""
_FEW: Final = 31
_DAYS_NAMED: Final = 9
"""So many days are named with their weekday, which would be too long for more."""


class Tick(NamedTuple):
    """A place at the horizontal axis, and what is written there."""

    at: float
    label: str


@dataclass(frozen=True)
class Part:
    """One part of a bar: what one series had in one stretch of the axis."""

    start: float
    end: float
    series: str
    value: float
    when: str
    """The stretch in words, for whoever hovers."""
    shown: str
    """The value, exact."""


@dataclass(frozen=True)
class Point:
    """One value of a curve."""

    at: float
    value: float
    when: str
    shown: str
    warned: bool = False
    """Marked, with `note` for whoever hovers."""
    note: str = ""


@dataclass(frozen=True)
class Chart:
    """A specification and its rows."""

    spec: dict[str, Any]
    rows: dict[str, list[Any]]
    """By column."""
    description: str
    """What it shows in a sentence or two, for those who do not see it."""


def bars(
    parts: Sequence[Part],
    series: Sequence[str],
    *,
    ticks: Sequence[Tick],
    description: str,
    unit: Unit = "number",
    reach: tuple[float, float] | None = None,
    height: int = _HEIGHT,
) -> Chart:
    """Parts piled up; `series` in the order of their colours, the first one at the foot.

    `reach`: where the axis begins and ends, if not with the parts. Draw a legend beside it with `colour(number, of)`:
    one in the chart itself would be cut off on a phone.
    """
    numbers = {name: number for number, name in enumerate(series)}
    piled = sorted(parts, key=lambda part: (part.start, numbers[part.series]))
    tops = _tops(piled)
    rows: dict[str, list[Any]] = {
        "start": [part.start for part in piled],
        "end": [part.end - (part.end - part.start) * _GAP for part in piled],
        "foot": [top - part.value for top, part in zip(tops, piled, strict=True)],
        "value": tops,
        "series": [part.series for part in piled],
        "when": [part.when for part in piled],
        "shown": [part.shown for part in piled],
    }
    spec = {
        "mark": {"type": "rect", "aria": False},
        "encoding": {
            "x": _across("start", ticks, reach or _reach(rows["start"], [part.end for part in piled])),
            "x2": {"field": "end"},
            "y": _up(unit, max(tops, default=0.0)),
            "y2": {"field": "foot"},
            "color": {
                "field": "series",
                "type": "nominal",
                "legend": None,
                "scale": {
                    "domain": list(series),
                    "range": [colour(number, len(series)) for number in range(len(series))],
                },
            },
            "tooltip": [_told("when"), _told("series"), _told("shown")],
        },
    }
    return Chart(_themed(spec, height), rows, description)


def line(
    points: Sequence[Point],
    *,
    ticks: Sequence[Tick],
    description: str,
    unit: Unit = "number",
    limit: float | None = None,
    highest: float | None = None,
    height: int = _HEIGHT,
) -> Chart:
    """A curve with the ground under it; a dashed line where the limit is, a dot at each point that is marked.

    `highest`: where the axis ends, if not with the values. Of few points each has a dot of its own.
    """
    rows: dict[str, list[Any]] = {
        "at": [point.at for point in points],
        "value": [point.value for point in points],
        "when": [point.when for point in points],
        "shown": [point.shown for point in points],
        "warned": [point.warned for point in points],
        "note": [point.note for point in points],
    }
    up = _up(unit, highest or max([*rows["value"], limit or 0], default=0), highest)
    across = _across("at", ticks, _reach(rows["at"], rows["at"]))
    told = [_told("when"), _told("shown")]
    layers: list[dict[str, Any]] = [
        {
            "mark": {
                "type": "area", "aria": False, "opacity": 0.16, "color": PALETTE[2],
                "line": {"color": PALETTE[2], "strokeWidth": 2},
                "point": {"filled": True, "size": 40, "color": PALETTE[2]} if len(points) <= _FEW else False,
            },
            "encoding": {"x": across, "y": up, "tooltip": told},
        },
        {
            "transform": [{"filter": "datum.warned"}],
            "mark": {"type": "point", "aria": False, "filled": True, "opacity": 1, "size": 70, "color": WARNING},
            "encoding": {"x": across, "y": up, "tooltip": [*told, _told("note")]},
        },
    ]  # fmt: skip
    if limit is not None:
        rule = {"type": "rule", "aria": False, "strokeDash": [5, 4], "strokeWidth": 1.5, "color": WARNING}
        layers.append({"mark": rule, "encoding": {"y": {"datum": limit}}})
    return Chart(_themed({"layer": layers}, height), rows, description)


def draw(chart: Chart, key: str) -> None:
    """Put a chart on the page, as wide as there is room."""
    st.vega_lite_chart(_table(chart.rows), chart.spec, key=key, width="stretch", alt=chart.description)


def _table(rows: dict[str, list[Any]]) -> Table:
    """The rows as Arrow, by way of JSON: arrays of Python's lists would import pandas, two seconds and 60 MB of it."""
    columns = schema([field(name, _TYPES.get(name, string())) for name in rows])
    lines = [dict(zip(rows, row, strict=True)) for row in zip(*rows.values(), strict=True)]
    if not lines:
        return columns.empty_table()
    text = io.BytesIO(msgspec.json.Encoder().encode_lines(lines))
    return read_json(text, ReadOptions(use_threads=False), ParseOptions(explicit_schema=columns))


def colour(number: int, of: int) -> str:
    """The colour of a series by its number; the last of more than there are colours is the rest."""
    if number < len(PALETTE) and not (number == of - 1 and of > len(PALETTE)):
        return PALETTE[number]
    return REST


def day_ticks(begins: Sequence[datetime], zone: ZoneInfo) -> list[Tick]:
    """Names of days at the moments at which they begin."""
    weekday = "%a " if len(begins) <= _DAYS_NAMED else ""
    return [Tick(begin.timestamp(), _day(begin.astimezone(zone), weekday)) for begin in begins]


def hour_ticks(begins: Sequence[datetime], zone: ZoneInfo, every: int = 3) -> list[Tick]:
    """The time at every third hour (or another) of the reader's clock, for charts of a day or two."""
    local = [(begin.timestamp(), begin.astimezone(zone)) for begin in begins]
    return [Tick(at, f"{begin:%H:%M}") for at, begin in local if begin.hour % every == 0]


def _day(day: datetime, weekday: str) -> str:
    return f"{day:{weekday}}{day.day}" if weekday else f"{day.day} {day:%b}"


def _across(field: str, ticks: Sequence[Tick], reach: tuple[float, float]) -> dict[str, Any]:
    places = [tick.at for tick in ticks]
    labels = json.dumps([tick.label for tick in ticks], ensure_ascii=False)
    return {
        "field": field,
        "type": "quantitative",
        "scale": {"domain": list(reach), "nice": False, "zero": False},
        "axis": {
            "title": None,
            "aria": False,
            "grid": False,
            "values": places,
            "labelExpr": f"{labels}[indexof({json.dumps(places)}, datum.value)]",
            "labelOverlap": "greedy",
            "labelAlign": "left",
            "ticks": False,
        },
    }


def _up(unit: Unit, highest: float, end: float | None = None) -> dict[str, Any]:
    axis: dict[str, Any] = {"title": None, "format": _format(unit, highest), "tickCount": 5, "domain": False}
    if unit == "number":
        axis["tickMinStep"] = 1
    if unit != "share":
        axis["labelExpr"] = f"datum.value ? datum.label : '{'$' if unit == 'dollars' else ''}0'"
    scale = {"domain": [0, end or highest or 1], "nice": end is None}
    return {"field": "value", "type": "quantitative", "axis": axis, "scale": scale}


def _format(unit: Unit, highest: float) -> str:
    return "$~s" if unit == "dollars" and highest >= _LARGE else _FORMATS[unit]


def _told(field: str) -> dict[str, str]:
    """A line of what is told on hover; what is called `title` stands over the others."""
    return {"field": field, "title": _LINES[field]}


def _reach(starts: Sequence[float], ends: Sequence[float]) -> tuple[float, float]:
    return (min(starts, default=0.0), max(ends, default=1.0))


def _tops(piled: Sequence[Part]) -> list[float]:
    """Where each part ends that stands on those before it in its stretch."""
    reached: dict[float, float] = {}
    tops = []
    for part in piled:
        reached[part.start] = reached.get(part.start, 0.0) + part.value
        tops.append(reached[part.start])
    return tops


def _themed(spec: dict[str, Any], height: int) -> dict[str, Any]:
    return {**spec, "height": height, "config": {"view": {"stroke": None}}, "usermeta": _AS_SVG}


_AS_SVG: Final = {"embedOptions": {"renderer": "svg", "actions": False}}
"""Sharp at any size, and its axes can be read by screen readers."""
