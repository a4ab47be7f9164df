"""Rows as one array per column, the shape in which a batch goes into Postgres."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

_MAY_HOLD_NUL: Final = frozenset({str, list, dict})


def columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """One list per column of rows that are all of one length; there must be at least one."""
    return [_column(values) for values in zip(*rows, strict=True)]


def _column(values: Sequence[Any]) -> list[Any]:
    if _MAY_HOLD_NUL.isdisjoint(map(type, values)):
        return list(values)
    return [_storable(value) for value in values]


def _storable(value: Any) -> Any:
    """Postgres takes every character in text and in JSON but NUL; JSON comes as a dict."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [_storable(one) for one in value]
    return {_storable(key): _storable(one) for key, one in value.items()} if isinstance(value, dict) else value
