"""What totals must be: the settled sums, added up by every facet and length of time on their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from plait.common.queries.paging import Writer

_MINUTES: Final = (15, 60, 1440, 8 * 1440, 64 * 1440)
_KEYS: Final = ("domain", "account_id", "model", "kind", "request_type", "key_name", "tag", "agent_type")
_FACETS: Final = {
    "all": (), "model": ("model",), "kind": ("kind", "agent_type"), "tag": ("tag",), "domain": ("domain",),
    "domain_account": ("domain", "account_id"), "domain_kind": ("domain", "kind", "agent_type"),
    "domain_type": ("domain", "model", "request_type"), "domain_key": ("domain", "key_name"),
    "domain_tag": ("domain", "tag"), "domain_model": ("domain", "account_id", "model"),
}  # fmt: skip
_SHORTEST: Final = {"all": 0, "domain": 0, "domain_kind": 2, "domain_key": 2, "domain_tag": 2}
"""The first of the lengths, of facets that are not kept by the hour and longer."""
_TOOL_KEYS: Final = ("domain", "account_id", "tool")
_TOOL_FACETS: Final = {"tool": ("tool",), "domain_tool": _TOOL_KEYS}
_COUNTED: Final = """
SELECT attname FROM pg_attribute
WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped
    AND atttypid IN ('bigint'::regtype, 'numeric'::regtype)
ORDER BY attnum
"""


async def assert_totals_are_right(connection: Writer) -> None:
    """Totals of usage and of tool calls equal the settled sums in every counter, and none is there for nothing."""
    usage = {facet: _MINUTES[_SHORTEST.get(facet, 1) :] for facet in _FACETS}
    await _compare(connection, "usage", _KEYS, _FACETS, usage)
    tools = {"tool": _MINUTES[1:], "domain_tool": _MINUTES[2:]}
    await _compare(connection, "tool", _TOOL_KEYS, _TOOL_FACETS, tools)


async def _compare(
    connection: Writer,
    noun: str,
    keys: tuple[str, ...],
    facets: Mapping[str, tuple[str, ...]],
    lengths: Mapping[str, tuple[int, ...]],
) -> None:
    counted = [row["attname"] for row in await connection.fetch(_COUNTED, f"{noun}_slots")]
    wanted = " UNION ALL ".join(
        _summed(noun, keys, facet, told_apart, minutes, counted)
        for facet, told_apart in facets.items()
        for minutes in lengths[facet]
    )
    there = f"SELECT facet, minutes, slot, {', '.join(keys)}, {', '.join(counted)} FROM {noun}_totals"
    found = [await _rows(connection, statement) for statement in (there, wanted)]
    assert found[0] == found[1]


def _summed(
    noun: str, keys: tuple[str, ...], facet: str, told_apart: tuple[str, ...], minutes: int, counted: list[str]
) -> str:
    columns = ", ".join(key if key in told_apart else f"NULL::text AS {key}" for key in keys)
    sums = ", ".join(f"sum({name}) AS {name}" for name in counted)
    return (
        f"SELECT '{facet}' AS facet, {minutes} AS minutes, date_bin('{minutes} minutes', slot, '2000-01-01Z') AS slot,"
        f" {columns}, {sums} FROM {noun}_slots_settled GROUP BY 3{''.join(f', {key}' for key in told_apart)}"
    )


async def _rows(connection: Writer, statement: str) -> list[dict[str, Any]]:
    return sorted((dict(row) for row in await connection.fetch(statement)), key=repr)
