"""Whatever clients do, and in whatever order it becomes known: the tree is the one they know to be true."""

from __future__ import annotations

import os
import random
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plait.linker.domain.facts import Facts
from plait.linker.domain.link import Link
from plait.linker.domain.names import LinkKind, Names
from plait.linker.domain.weave import Loom
from tests.unit.linker_domain.deeds import traffics
from tests.unit.linker_domain.traffic import Traffic, Truth

TREES = int(os.environ.get("PLAIT_TREES", "200"))
"""Made-up trees that each property is tried on; nightly many more."""
pytestmark = pytest.mark.timeout(300 + TREES)
KINDS: dict[str, set[LinkKind | None]] = {
    "root": {"root"},
    "next": {"continue", "branch", "interrupted", "resume_agent"},
    "fork": {"fork"},
    "spawn": {"spawn"},
    "retry": {"retry"},
    "compact": {"compact"},
    "after_compaction": {"after_compaction"},
    "side": {None},
}


def fault(truth: Truth, link: Link, names: Names) -> str | None:
    pointers = {"retry": link.retry_of, "side": link.serves_id}
    found = pointers.get(truth.link, names.parent_id)
    if found != truth.parent or names.link_kind not in KINDS[truth.link]:
        return f"{link.exchange_id.int}: {names.link_kind} of {found}, not {truth.link} of {truth.parent} ({link.rule})"
    return None


def faults(traffic: Traffic, loom: Loom) -> list[str]:
    links, names = loom.links(), loom.names()
    found = (fault(truth, links[one], names[one]) for one, truth in traffic.truth.items())
    return [one for one in found if one]


def outcome(loom: Loom) -> tuple[dict[UUID, Link], dict[UUID, Names]]:
    return loom.links(), loom.names()


def fed(events: list[Facts]) -> Loom:
    loom = Loom()
    for one in events:
        loom.feed([one])
    return loom


def as_it_happened(traffic: Traffic) -> list[Facts]:
    """Requests when they begin, what is known of running answers a moment later, answers when they end."""
    known = [(half.started_at, n, half) for stages in traffic.stages for n, half in enumerate(stages)]
    known += [(whole.answer.ended_at, 9, whole) for whole in traffic.facts if whole.answer]
    return [facts for *_, facts in sorted(known, key=lambda one: one[:2])]


@settings(max_examples=TREES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(traffics())
def test_the_tree_is_the_true_one(traffic: Traffic) -> None:
    assert faults(traffic, fed(as_it_happened(traffic))) == []


@settings(max_examples=TREES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(traffics(), st.randoms(use_true_random=False))
def test_any_order_of_requests_and_answers_gives_it(traffic: Traffic, chance: random.Random) -> None:
    """Calls of running answers are told or not: that changes nothing in the end."""
    batch = Loom()
    batch.feed(traffic.facts)
    left = {
        whole.id: [*(half for half in stages if chance.random() < 0.7), whole]
        for stages, whole in zip(traffic.stages, traffic.facts, strict=True)
    }
    order = [number for number, states in left.items() for _ in states]
    chance.shuffle(order)
    assert outcome(fed([left[one].pop(0) for one in order])) == outcome(batch)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(traffics(), st.data())
def test_missing_exchanges_heal(traffic: Traffic, data: st.DataObject) -> None:
    """What comes late is put where it belongs, and everything below it with it."""
    late = data.draw(st.sets(st.sampled_from(traffic.facts).map(lambda facts: facts.id)))
    loom = fed([one for one in traffic.facts if one.id not in late])
    loom.feed([one for one in traffic.facts if one.id in late])
    assert faults(traffic, loom) == []
