"""The linker on recorded traffic of real clients, whose true links are known."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable

import pytest

from plait.linker.domain.facts import Facts
from plait.linker.domain.request import request_facts
from plait.linker.domain.weave import Loom
from tests.unit.linker_domain.recorded import Exchange, faults, scenarios

RECORDED = scenarios()
EVERY = pytest.mark.parametrize("name", list(RECORDED))
Feed = Iterable[Facts]


def events(exchanges: Iterable[Exchange]) -> list[Facts]:
    """Each exchange running, then ended."""
    return [facts for one in exchanges for facts in (request_facts(one.request), one.facts)]


def interleaved(exchanges: Collection[Exchange]) -> list[Facts]:
    """The same in the order in which requests arrived and answers ended."""
    both = [(one.request.started_at, request_facts(one.request)) for one in exchanges]
    both += [(one.response.ended_at, one.facts) for one in exchanges]
    return [facts for _, facts in sorted(both, key=lambda event: event[0])]


def woven(facts: Feed) -> Loom:
    loom = Loom()
    for one in facts:
        loom.feed([one])
    return loom


def same(one: Loom, other: Loom) -> bool:
    return one.links() == other.links() and one.names() == other.names()


def test_every_scenario_is_there() -> None:
    assert (len(RECORDED), sum(map(len, RECORDED.values()))) == (23, 128)


@EVERY
def test_in_recorded_order(name: str) -> None:
    assert faults(RECORDED[name], woven(interleaved(RECORDED[name].values()))) == []


@EVERY
def test_any_order_gives_the_same_tree(name: str) -> None:
    batch = Loom()
    batch.feed(one.facts for one in RECORDED[name].values())
    assert faults(RECORDED[name], batch) == []
    exchanges = list(RECORDED[name].values())
    for seed in range(50):
        random.Random(seed).shuffle(exchanges)
        assert same(woven(one.facts for one in exchanges), batch), f"seed {seed}"


@EVERY
@pytest.mark.parametrize(
    "arranged", [lambda e: e + e, lambda e: [x for x in e for _ in (1, 2)]], ids=["again", "twice"]
)
def test_repeats_change_nothing(name: str, arranged: Callable[[list[Facts]], list[Facts]]) -> None:
    once = interleaved(RECORDED[name].values())
    assert same(woven(arranged([facts for facts in once if facts.answer])), woven(once))


@EVERY
def test_requests_and_answers_in_any_order(name: str) -> None:
    exchanges = list(RECORDED[name].values())
    batch = woven(one.facts for one in exchanges)
    for seed in range(20):
        shuffled = _requests_first(events(exchanges), random.Random(seed))
        assert same(woven(shuffled), batch), f"seed {seed}"


def _requests_first(feed: list[Facts], chance: random.Random) -> list[Facts]:
    """Shuffled, but no exchange runs again after it has ended."""
    order = [facts.id for facts in feed]
    chance.shuffle(order)
    left = {facts.id: [one for one in feed if one.id == facts.id] for facts in feed}
    return [left[number].pop(0) for number in order]


def test_without_any_ids() -> None:
    """Headers and metadata gone: what was said alone tells who follows whom, but no longer that a branch is a fork."""
    wrong = [fault for one in scenarios("removed").values() for fault in faults(one, woven(interleaved(one.values())))]
    assert {fault.partition(": ")[0] for fault in wrong} == {"fork/4", "fork/6", "interactive_start/6"}
    assert not [fault for fault in wrong if ": parent" in fault]


def test_all_scenarios_in_one_domain() -> None:
    """Sessions of one domain are told apart."""
    found = scenarios(domain="one.test")
    loom = woven(interleaved([exchange for one in found.values() for exchange in one.values()]))
    assert [fault for one in found.values() for fault in faults(one, loom)] == []
