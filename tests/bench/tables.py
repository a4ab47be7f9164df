"""Figures as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table."""
    return [_line(head), "|" + "---|" * len(head), *map(_line, rows)]


def figure(values: Sequence[float], form: str, *, bold: bool = False) -> str:
    """The median of the rounds, and in brackets the smallest and largest."""
    middle = f"**{median(values):{form}}**" if bold else f"{median(values):{form}}"
    return f"{middle} ({min(values):{form}} to {max(values):{form}})" if len(values) > 1 else middle


def ratios(ours: Iterable[float], theirs: Iterable[float]) -> list[float]:
    """Round by round."""
    return [a / b for a, b in zip(ours, theirs, strict=True)]


def differences(ours: Iterable[float], theirs: Iterable[float]) -> list[float]:
    """Round by round."""
    return [a - b for a, b in zip(ours, theirs, strict=True)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
