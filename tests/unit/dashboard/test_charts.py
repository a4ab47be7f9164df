"""Charts hold what they were given, in specifications that Vega-Lite knows."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import altair
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.common.buckets import starts
from plait.dashboard.islands import charts
from plait.dashboard.islands.charts import (
    PALETTE,
    REST,
    WARNING,
    Chart,
    Part,
    Point,
    Tick,
    Unit,
    bars,
    colour,
    day_ticks,
    hour_ticks,
    line,
)
from plait.dashboard.islands.sparkline import HEIGHT, WIDTH, Shape, sparkline
from plait.dashboard.look import _DARK, _LIGHT

BERLIN = ZoneInfo("Europe/Berlin")
PARTS = [
    Part(0, 3600, "a", 3, "00:00", "3"),
    Part(0, 3600, "b", 4, "00:00", "4"),
    Part(3600, 7200, "a", 1, "01:00", "1"),
]
POINTS = [Point(0, 1, "00:00", "1"), Point(900, 5, "00:15", "5", warned=True, note="warned")]


def known_to_vega_lite(chart: Chart) -> bool:
    rows = [dict(zip(chart.rows, row, strict=True)) for row in zip(*chart.rows.values(), strict=True)]
    return bool(altair.Chart.from_dict({**chart.spec, "data": {"values": rows}}).to_dict(validate=True))


def encoding(chart: Chart, channel: str) -> Any:
    return chart.spec["encoding"][channel]


@pytest.mark.parametrize(
    "chart",
    [
        bars(PARTS, ["a", "b"], ticks=[Tick(0, "Sun 1")], description="x"),
        bars([], [], ticks=[], description="x", unit="dollars"),
        line(POINTS, ticks=[Tick(0, 'it\'s "it"')], description="x", limit=4),
        line([], ticks=[], description="x", unit="share"),
    ],
)
def test_specifications_are_vega_lites_own(chart: Chart) -> None:
    assert known_to_vega_lite(chart)


def test_bars_hold_every_part_in_its_place() -> None:
    chart = bars(list(reversed(PARTS)), ["a", "b"], ticks=[], description="x")
    rows = list(zip(*(chart.rows[name] for name in ("start", "series", "foot", "value")), strict=True))
    assert rows == [(0, "a", 0, 3), (0, "b", 3, 7), (3600, "a", 0, 1)]
    assert all(start < end for start, end in zip(chart.rows["start"], chart.rows["end"], strict=True))
    assert encoding(chart, "x")["scale"]["domain"] == [0, 7200]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.builds(Point, *(2 * [st.floats(0, 1e12)]), *(2 * [st.text(max_size=9)]), st.booleans()), max_size=9))
def test_rows_reach_the_browser_as_they_are(points: list[Point]) -> None:
    chart = line(points, ticks=[], description="x")
    assert charts._table(chart.rows).to_pydict() == chart.rows


def test_texts_that_look_like_times_stay_texts() -> None:
    chart = line([Point(1, 2, "2026-11-21", "2026-11-21T12:00:00Z")], ticks=[], description="x")
    assert charts._table(chart.rows).to_pydict()["when"] == ["2026-11-21"]


def test_charts_are_drawn_without_pandas() -> None:
    draw = (
        "import sys; from plait.dashboard.islands.charts import *;"
        "draw(line([Point(1, 2, 'a', 'b')], ticks=[], description='x'), key='k'); sys.exit('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", draw], capture_output=True, timeout=120, check=False).returncode == 0


def test_series_keep_their_colours_whatever_is_drawn_of_them() -> None:
    some = bars(PARTS[:1], ["a", "b"], ticks=[], description="x")
    assert encoding(some, "color")["scale"] == {"domain": ["a", "b"], "range": list(PALETTE[:2])}


def test_what_is_left_over_has_the_colour_of_the_rest() -> None:
    assert [colour(number, 8) for number in range(8)] == [*PALETTE, REST]
    assert [colour(number, 7) for number in range(7)] == list(PALETTE)


@pytest.mark.parametrize("theme", [_LIGHT, _DARK])
@pytest.mark.parametrize("hue", [*PALETTE, REST, WARNING])
def test_colours_stand_out_from_both_grounds(hue: str, theme: dict[str, str]) -> None:
    assert _contrast(hue, theme["backgroundColor"]) >= 3


def test_a_warning_is_marked_and_a_limit_drawn() -> None:
    chart = line(POINTS, ticks=[], description="x", limit=4)
    assert chart.rows["warned"] == [False, True]
    assert [layer["mark"]["type"] for layer in chart.spec["layer"]] == ["area", "point", "rule"]
    assert [layer["mark"]["type"] for layer in line(POINTS, ticks=[], description="x").spec["layer"]] == [
        "area",
        "point",
    ]


@pytest.mark.parametrize(("unit", "foot"), [("number", "0"), ("dollars", "$0")])
def test_the_foot_of_a_chart_is_a_plain_zero(unit: Unit, foot: str) -> None:
    chart = bars(PARTS, ["a", "b"], ticks=[], description="x", unit=unit)
    assert encoding(chart, "y")["axis"]["labelExpr"] == f"datum.value ? datum.label : '{foot}'"


def test_the_last_label_may_reach_beyond_the_axis() -> None:
    assert (
        "labelBound" not in encoding(bars(PARTS, ["a", "b"], ticks=[Tick(7100, "Sun 1")], description="x"), "x")["axis"]
    )


def test_days_begin_where_the_readers_clock_has_them() -> None:
    since = datetime(2026, 10, 23, 22, tzinfo=UTC)
    begins = starts("day", since, since + timedelta(days=3), BERLIN)
    ticks = day_ticks(begins, BERLIN)
    assert [tick.label for tick in ticks] == ["Sat 24", "Sun 25", "Mon 26"]
    assert [(after.at - before.at) / 3600 for before, after in itertools.pairwise(ticks)] == [24, 25]


def test_many_days_are_named_with_their_month() -> None:
    begins = starts("day", datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC), ZoneInfo("UTC"))
    assert day_ticks(begins, ZoneInfo("UTC"))[0].label == "1 Nov"


def test_an_hour_that_comes_twice_has_two_places() -> None:
    since = datetime(2026, 10, 24, 22, tzinfo=UTC)
    ticks = hour_ticks(starts("hour", since, since + timedelta(hours=5), BERLIN), BERLIN, every=1)
    assert [tick.label for tick in ticks][:5] == ["00:00", "01:00", "02:00", "02:00", "03:00"]
    assert len({tick.at for tick in ticks}) == len(ticks)


@given(st.lists(st.floats(0, 1e12), min_size=2, max_size=60), st.sampled_from(["line", "bars"]))
def test_a_sparkline_stays_in_its_picture(values: list[float], shape: Shape) -> None:
    svg = ElementTree.fromstring(sparkline(values, "Trend", shape))
    numbers = [
        float(word)
        for path in svg.iter("path")
        for word in path.attrib["d"].replace("M", " ").replace("L", " ").replace("Z", " ").split()
    ]
    assert all(0 <= x <= WIDTH for x in numbers[::2])
    assert all(0 <= y <= HEIGHT for y in numbers[1::2])
    for bar in svg.iter("rect"):
        assert 0 <= float(bar.attrib["y"]) <= HEIGHT
        assert float(bar.attrib["x"]) + float(bar.attrib["width"]) <= WIDTH + 0.2


def test_a_sparkline_tells_what_it_shows_as_it_was_written() -> None:
    svg = ElementTree.fromstring(sparkline([1, 2], 'Requests of "<b>"'))
    assert svg.attrib["role"] == "img"
    assert svg.attrib["aria-label"] == 'Requests of "<b>"'
    assert svg.findtext("title") == 'Requests of "<b>"'


def test_nothing_is_drawn_of_a_single_value() -> None:
    assert sparkline([4], "Trend") == ""


def test_labels_are_texts_to_vega_whatever_they_hold() -> None:
    chart = line(POINTS, ticks=[Tick(0, "');alert(1)//"), Tick(1, '"')], description="x")
    labels, _, _ = chart.spec["layer"][0]["encoding"]["x"]["axis"]["labelExpr"].partition("[indexof(")
    assert json.loads(labels) == ["');alert(1)//", '"']


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    """WCAG 2's."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
