"""Rows as one array per column, the shape in which a batch goes into Postgres."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """One list per column of rows that are all of one length; there must be at least one."""
    return [[_storable(value) for value in column] for column in zip(*rows, strict=True)]


def _storable(value: Any) -> Any:
    """Postgres takes every character in text but NUL."""
    return value.replace("\0", "") if isinstance(value, str) else value
