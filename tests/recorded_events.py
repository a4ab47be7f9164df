"""The recorded samples as parts of events, in the order in which they came."""

from __future__ import annotations

from functools import cache

from tests.exchange_events import Part, pieces
from tests.unit.linker_domain import recorded
from tests.unit.linker_domain.recorded import Exchange


@cache
def scenarios() -> dict[str, list[Exchange]]:
    """Scenarios by name; the same ids for the whole run of tests."""
    return {name: list(found.values()) for name, found in recorded.scenarios().items()}


def parts_of(one: Exchange) -> list[Part]:
    """What is told of an exchange: request, some pieces of the answer, its end."""
    return [one.request, pieces(one.request, "event: ping\n", "\n"), one.response]


def everything() -> list[Part]:
    """All parts of all exchanges."""
    return [part for found in scenarios().values() for one in found for part in parts_of(one)]
