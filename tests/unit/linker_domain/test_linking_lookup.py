"""Rules ask by keys: what is not at hand is fetched, what only collides is not believed."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Sequence
from datetime import timedelta

import pytest
from msgspec import structs

from plait.linker.domain import keys
from plait.linker.domain.facts import MOST_TURNS, Facts
from plait.linker.domain.link import Link
from plait.linker.domain.lookup import FOREVER, Ask, Book, NotLoaded, Recorder
from plait.linker.domain.parent import place
from plait.linker.domain.weave import Loom, stirred
from tests.unit.linker_domain.clients import BEGIN, assistant, exchange, running, user
from tests.unit.linker_domain.recorded import scenarios

MOST_ROUNDS = 8
RECORDED = scenarios()


class Fetching:
    """Knows only what was fetched before, as a store does."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._at_hand: dict[Ask, Sequence[Facts]] = {}

    def find(self, ask: Ask) -> Sequence[Facts]:
        self.need([ask])
        return self._at_hand[ask]

    def need(self, asks: Iterable[Ask]) -> None:
        if missing := [ask for ask in asks if ask not in self._at_hand]:
            raise NotLoaded(missing)

    def fetch(self, asks: Sequence[Ask]) -> None:
        self._at_hand |= {ask: self._book.find(ask) for ask in asks}


class Colliding(Book):
    """Finds under every key some that do not belong there."""

    chance = random.Random(7)

    def find(self, ask: Ask) -> Sequence[Facts]:
        fitting = [one for one in self.facts.values() if not ask.before or one.stamp < ask.before]
        fitting = [one for one in fitting if not ask.after or one.stamp > ask.after]
        strangers = self.chance.sample(fitting, min(3, len(fitting)))
        found = {one.id: one for one in (*super().find(ask), *strangers)}
        return sorted(found.values(), key=lambda one: one.stamp, reverse=not ask.oldest_first)


def pointers(link: Link) -> Link:
    """A link without how many others were looked at."""
    return structs.replace(link, detail={name: value for name, value in link.detail.items() if name != "refused"})


def loom_of(name: str) -> Loom:
    loom = Loom()
    loom.feed(one.facts for one in RECORDED[name].values())
    return loom


@pytest.mark.parametrize("name", list(RECORDED))
def test_fetching_on_demand_decides_the_same(name: str) -> None:
    loom = loom_of(name)
    for one, facts in loom.book.facts.items():
        fetching = Fetching(loom.book)
        for _ in range(MOST_ROUNDS):
            try:
                placement = place(facts, fetching)
                break
            except NotLoaded as missing:
                fetching.fetch(missing.asks)
        assert placement == loom.placements[one]


@pytest.mark.parametrize("name", list(RECORDED))
def test_colliding_keys_change_nothing(name: str) -> None:
    loom = loom_of(name)
    book = Colliding()
    for facts in loom.book.facts.values():
        book.put(facts)
    for one, facts in loom.book.facts.items():
        assert pointers(place(facts, book).link) == pointers(loom.placements[one].link)


def test_keys_are_signed_64_bit_and_tell_lists_of_parts_apart() -> None:
    lists = [
        ("a", "b", "c"),
        ("a", "b,c"),
        ("a", "b", None, "c"),
        ("a", "b", b"c"),
        ("a", "b", "c", ""),
        ("ab", "", "c"),
    ]
    found = [keys.key(place, *parts) for parts in lists for place in keys.Place]
    assert len(set(found)) == len(lists) * len(keys.Place)
    assert all(-(2**63) <= one < 2**63 for one in found)
    odd = ("kind", "domain", "\ud800", b"\xff")
    assert keys.key(keys.Place.LINE, *odd) == keys.key(keys.Place.LINE, *odd)


def test_keys_of_hashes_tell_kinds_domains_hashes_and_their_order_apart() -> None:
    """They are made of parts of the hashes, so equal ones must neither cancel each other out nor change places."""
    one, other = (hashlib.sha256(name).digest()[:12] for name in (b"one", b"other"))
    scope = ("session", None)
    found = [
        made(domain, scope, *hashes)
        for domain in ("a.test", "b.test")
        for made in (keys.said_after_first, keys.said_after_last)
        for hashes in ((one, other), (other, one), (one, one), (other, other), (one, b""), (b"", one), (b"", b""))
    ]
    single = (keys.answered, keys.asked, keys.attempt, keys.resent, keys.begun)
    found += [made(domain, scope, one) for domain in ("a.test", "b.test") for made in single]
    assert len(set(found)) == len(found)
    assert all(-(2**63) <= key < 2**63 and not keys.is_wide(key) for key in found)


def test_a_key_tells_its_place_and_is_found_in_its_scope_and_in_all() -> None:
    own, other = (keys.answered("example.test", (session, None), b"chain") for session in ("s1", "s2"))
    wide = keys.answered("example.test", keys.ANYWHERE, b"chain")
    assert own != other
    assert {keys.place_of(one) for one in (own, other, wide)} == {keys.Place.ANSWERED}
    assert keys.is_wide(wide)
    assert not keys.is_wide(own)
    assert {keys.widened(own), keys.widened(other)} == {wide}
    assert wide - keys.ALL_SCOPES <= min(own, other) < max(own, other) < wide
    elsewhere = keys.answered("other.test", keys.ANYWHERE, b"chain")
    assert not elsewhere - keys.ALL_SCOPES <= own <= elsewhere


def test_a_page_is_bounded_and_ordered() -> None:
    book = Book()
    for number in range(1, 201):
        book.put(running(number, [user("Hello")], session="s"))
    key = keys.in_session("example.test", "s")
    newest = book.find(Ask(key, before=(BEGIN + timedelta(seconds=150), running(150, []).id)))
    assert [one.id.int for one in newest] == list(range(149, 49, -1))
    oldest = book.find(Ask(key, after=newest[-1].stamp, oldest_first=True, limit=3))
    assert [one.id.int for one in oldest] == [51, 52, 53]


def test_what_an_answer_depends_on() -> None:
    book = Book()
    for number in range(1, 4):
        book.put(running(number, [user("Hello")], session="s"))
    key = keys.in_session("example.test", "s")
    for ask, until in (
        (Ask(key), FOREVER),
        (Ask(key, before=(BEGIN, running(1, []).id)), BEGIN),
        (Ask(key, oldest_first=True, limit=2), BEGIN + timedelta(seconds=2)),
        (Ask(key, oldest_first=True, limit=4), FOREVER),
    ):
        recorder = Recorder(book)
        recorder.find(ask)
        assert recorder.watches() == {key: until}


def test_a_change_stirs_the_keys_it_had_and_has() -> None:
    half = running(1, [user("Hello")], session="s")
    whole = exchange(1, [user("Hello")], "Hi", session="s")
    assert stirred(whole, whole) == set()
    assert stirred(half, whole) > stirred(None, half)
    assert stirred(whole, half) == stirred(half, whole)


def test_a_long_conversation_costs_the_same_at_its_end() -> None:
    """Questions and what is kept of an exchange do not grow with its history."""
    loom = Loom()
    history = []
    for number in range(1, 301):
        history.append(user(f"Prompt {number}"))
        loom.feed([exchange(number, history, f"Answer {number}", session="s")])
        history.append(assistant(f"Answer {number}"))
    assert loom.placed == 300
    counts = [len(placement.watches) for placement in loom.placements.values()]
    assert counts[20] == counts[-1] <= 3
    assert {len(facts.turns) for facts in list(loom.book.facts.values())[5:]} == {1}


def test_a_long_history_that_nobody_knows_asks_no_more_than_a_shorter_one() -> None:
    """Every assistant message could be where it goes on from: only so many are asked about, in so many rounds."""
    costs = [_cost_of_an_orphan(turns) for turns in (MOST_TURNS, 4 * MOST_TURNS)]
    assert costs[0] == costs[1]
    rounds, watched = costs[0]
    assert rounds <= MOST_ROUNDS + MOST_TURNS // 32
    assert watched <= 3 * MOST_TURNS + 10


def _cost_of_an_orphan(turns: int) -> tuple[int, int]:
    """Rounds of fetching until it is placed, and keys it watches from then on."""
    history = [m for n in range(turns) for m in (user(f"Prompt {n}"), assistant(f"Answer {n}"))]
    orphan = exchange(1, [*history, user("On")], "Yes", session="s")
    store = Fetching(Book())
    for rounds in range(1000):
        try:
            return rounds, len(place(orphan, store).watches)
        except NotLoaded as missing:
            store.fetch(missing.asks)
    raise AssertionError("never placed")
