"""A small trend beside a figure: SVG of our own, drawn with the colour of the text it stands in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from markupsafe import Markup

Shape = Literal["line", "bars"]

WIDTH: Final = 120
HEIGHT: Final = 32
_INSET: Final = 2.0
"""Keeps the stroke inside the picture."""
_GAP: Final = 0.3
"""Of a bar's place, left free between it and the next."""
_SVG: Final = Markup(
    '<svg class="spark" viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" aria-label="{title}">'
    "<title>{title}</title>{drawn}</svg>"
)


def sparkline(values: Sequence[float], title: str, shape: Shape = "line") -> Markup:
    """The trend of `values`, oldest first, none below 0; the highest one reaches the top.

    `title` says what is seen, for screen readers and for whoever hovers: "Requests a day, 12 to 840". Nothing is drawn
    of fewer than two values. It fills the width it is given: style `.spark` where it stands.
    """
    if len(values) < 2:
        return Markup("")
    heights = _heights(values)
    drawn = _line(heights) if shape == "line" else _bars(heights)
    return _SVG.format(width=WIDTH, height=HEIGHT, title=title, drawn=drawn)


def _heights(values: Sequence[float]) -> list[float]:
    """Of each value, from 0 to 1."""
    highest = max(values)
    return [max(value, 0.0) / highest if highest > 0 else 0.0 for value in values]


def _line(heights: Sequence[float]) -> Markup:
    step = (WIDTH - 2 * _INSET) / (len(heights) - 1)
    points = [(_INSET + number * step, _top(height)) for number, height in enumerate(heights)]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    foot = HEIGHT - _INSET
    return Markup(
        '<path class="under" d="M{path}L{right:.1f} {foot}L{left:.1f} {foot}Z"/>'
        '<path class="over" vector-effect="non-scaling-stroke" d="M{path}"/>'
    ).format(path=path, left=_INSET, right=WIDTH - _INSET, foot=foot)


def _bars(heights: Sequence[float]) -> Markup:
    place = WIDTH / len(heights)
    bar = Markup('<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>')
    foot = HEIGHT - _INSET
    return Markup("").join(
        bar.format(x=(number + _GAP / 2) * place, y=_top(height), width=place * (1 - _GAP), height=foot - _top(height))
        for number, height in enumerate(heights)
        if height
    )


def _top(height: float) -> float:
    """Where a value of that height ends; something stays to be seen of the smallest one."""
    foot = HEIGHT - _INSET
    return foot - max(height * (foot - _INSET), 1.0 if height else 0.0)
