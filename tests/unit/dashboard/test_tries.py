"""The limit on wrong keys."""

from __future__ import annotations

from plait.dashboard.front.tries import Tries
from tests.unit.dashboard.test_session import Time


def test_after_the_limit_an_address_waits_until_its_oldest_try_is_forgotten() -> None:
    time = Time()
    tries = Tries(limit=3, window=60, clock=time)
    for _ in range(3):
        assert tries.wait("a") == 0
        tries.failed("a")
        time.now += 10
    assert tries.wait("a") == 30
    time.now += 30
    assert tries.wait("a") == 0


def test_addresses_do_not_share_their_tries() -> None:
    tries = Tries(limit=1, clock=Time())
    tries.failed("a")
    assert tries.wait("a") > 0
    assert tries.wait("b") == 0


def test_the_right_key_forgets_the_wrong_ones() -> None:
    tries = Tries(limit=1, clock=Time())
    tries.failed("a")
    tries.succeeded("a")
    assert tries.wait("a") == 0


def test_memory_is_bounded_and_the_oldest_goes_first() -> None:
    tries = Tries(limit=1, addresses=2, clock=Time())
    for address in ("a", "b", "c"):
        tries.failed(address)
    assert [tries.wait(a) > 0 for a in ("a", "b", "c")] == [False, True, True]
