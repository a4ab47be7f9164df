"""Runs of quiet tool turns folded into one row: what remains are prompts, branches, faults, and how each branch ended.

Quiet is a turn that only brings results of tools, ended well, and that no other branch left from.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final
from uuid import UUID

from plait.common.queries.exchanges import ExchangeSummary
from plait.dashboard.islands.times import prompts
from plait.dashboard.islands.tree import branches_of, is_side

_FEWEST: Final = 2
_KEY_LENGTH: Final = 12


def key_of(run: Sequence[ExchangeSummary]) -> str:
    """The name of a run in addresses: the end of its first exchange's id."""
    return run[0].request_id.hex[-_KEY_LENGTH:]


def fold(exchanges: Sequence[ExchangeSummary], opened: Collection[str] = ()) -> list[list[ExchangeSummary]]:
    """All exchanges, given in time order, in runs of one or more, in the time order of the first of each.

    Runs whose key is among `opened` stay as they are.
    """
    runs = [part for run in _runs(exchanges) for part in _parts(run, opened)]
    return sorted(runs, key=lambda run: (run[0].timestamp, run[0].request_id))


def heads(exchanges: Sequence[ExchangeSummary], opened: Collection[str]) -> set[str]:
    """The keys among `opened` that name a run of these exchanges."""
    return {key_of(run) for run in _runs(exchanges) if len(run) >= _FEWEST} & set(opened) if opened else set()


def _parts(run: list[ExchangeSummary], opened: Collection[str]) -> list[list[ExchangeSummary]]:
    return [[one] for one in run] if len(run) < _FEWEST or key_of(run) in opened else [run]


def _runs(exchanges: Sequence[ExchangeSummary]) -> Iterator[list[ExchangeSummary]]:
    """Quiet turns that follow one another on a branch together, everything else by itself."""
    quiet = _quiet(exchanges)
    branches = branches_of(exchanges)
    open_runs: dict[str, list[ExchangeSummary]] = {}
    for one in exchanges:
        branch = branches[one.request_id]
        if one.request_id in quiet:
            open_runs.setdefault(branch, []).append(one)
            continue
        if not is_side(one) and branch in open_runs:
            yield open_runs.pop(branch)
        yield [one]
    yield from open_runs.values()


def _quiet(exchanges: Sequence[ExchangeSummary]) -> set[UUID]:
    asked = prompts(exchanges)
    branches = branches_of(exchanges)
    left = {e.parent_request_id for e in exchanges if e.parent_request_id and _crosses(e, branches)}
    tips = set({branches[e.request_id]: e.request_id for e in exchanges if not is_side(e)}.values())
    return {
        e.request_id
        for e in exchanges
        if e.link_kind == "continue"
        and e.outcome == "complete"
        and e.kind != "compaction"
        and e.request_id not in asked
        and e.request_id not in left
        and e.request_id not in tips
    }


def _crosses(exchange: ExchangeSummary, branches: Mapping[UUID, str]) -> bool:
    """Whether it is on another branch than its parent."""
    parent = exchange.parent_request_id
    return parent is not None and branches.get(parent) != branches[exchange.request_id]
