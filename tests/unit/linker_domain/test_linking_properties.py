"""Whatever clients do, and in whatever order it becomes known: the tree is the one they know to be true."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plait.linker.domain.facts import Facts
from plait.linker.domain.link import Link
from plait.linker.domain.names import LinkKind, Names
from plait.linker.domain.weave import Loom
from tests.unit.linker_domain.clients import Line, Traffic, Truth

TREES = int(os.environ.get("PLAIT_TREES", "200"))
"""Made-up trees that each property is tried on; nightly many more."""
SPAWN_PROMPTS = ("Look at it.", "Look elsewhere.")
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
Deed = Callable[[Traffic, Line], None]
PROMPTS = st.lists(st.sampled_from(SPAWN_PROMPTS), min_size=1, max_size=3)


def deeds() -> st.SearchStrategy[Deed]:
    """What a client may do next at some place of a conversation."""
    return st.one_of(
        st.just(lambda traffic, line: traffic.turn(line)),
        st.integers(1, 3).map(lambda n: lambda traffic, line: traffic.tools(line, n)),
        st.just(lambda traffic, line: traffic.fork(line) if line.session and not line.agent else traffic.turn(line)),
        st.integers(1, 3).map(lambda n: lambda traffic, line: traffic.retries(line, n)),
        st.booleans().map(lambda kept: lambda traffic, line: traffic.cut(line, kept)),
        PROMPTS.map(lambda prompts: lambda traffic, line: traffic.spawn(line, prompts)),
        PROMPTS.map(lambda prompts: lambda traffic, line: traffic.spawn_behind(line, prompts)),
        st.just(lambda traffic, line: traffic.compact(line)),
        st.just(lambda traffic, line: traffic.compact_twice(line)),
        st.just(lambda traffic, line: traffic.side(line)),
    )


@st.composite
def traffics(draw: st.DrawFn) -> Traffic:
    """Up to three sessions, some without a session id, and what happens in them."""
    traffic = Traffic()
    for session in draw(st.lists(st.sampled_from(["s1", "s2", None]), min_size=1, max_size=3, unique=True)):
        traffic.start(session)
    for deed in draw(st.lists(deeds(), max_size=12)):
        deed(traffic, traffic.lines[draw(st.integers(0, len(traffic.lines) - 1))])
    return traffic


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


@settings(max_examples=TREES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(traffics())
def test_the_tree_is_the_true_one(traffic: Traffic) -> None:
    assert faults(traffic, fed(traffic.facts)) == []


@settings(max_examples=TREES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(traffics(), st.randoms(use_true_random=False))
def test_any_order_of_requests_and_answers_gives_it(traffic: Traffic, chance: random.Random) -> None:
    batch = Loom()
    batch.feed(traffic.facts)
    order = [facts.id for facts in traffic.facts] * 2
    chance.shuffle(order)
    left = {half.id: [half, whole] for half, whole in zip(traffic.halves, traffic.facts, strict=True)}
    assert outcome(fed([left[one].pop(0) for one in order])) == outcome(batch)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(traffics(), st.data())
def test_missing_exchanges_heal(traffic: Traffic, data: st.DataObject) -> None:
    """What comes late is put where it belongs, and everything below it with it."""
    late = data.draw(st.sets(st.sampled_from(traffic.facts).map(lambda facts: facts.id)))
    loom = fed([one for one in traffic.facts if one.id not in late])
    loom.feed([one for one in traffic.facts if one.id in late])
    assert faults(traffic, loom) == []
