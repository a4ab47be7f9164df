"""Session cookies."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.dashboard.front.session import LIFETIME, Sessions


class Time:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_session_that_was_given_out_is_known_again_by_another_replica() -> None:
    cookie = Sessions("key").begin()
    session = Sessions("key").read(cookie)
    assert session is not None
    assert cookie.startswith(f"{session.expires}.{session.name}.")


def test_two_sessions_have_two_names() -> None:
    sessions = Sessions("key")
    assert sessions.begin() != sessions.begin()


def test_a_session_ends_after_seven_days() -> None:
    time = Time()
    sessions = Sessions("key", time)
    cookie = sessions.begin()
    time.now += LIFETIME - 1
    assert sessions.read(cookie)
    time.now += 1
    assert sessions.read(cookie) is None


def test_a_changed_key_ends_all_sessions() -> None:
    assert Sessions("new").read(Sessions("old").begin()) is None


def test_neither_expiry_nor_name_nor_signature_can_be_changed() -> None:
    sessions = Sessions("key")
    expires, name, signature = sessions.begin().split(".")
    for forged in (
        f"{int(expires) + 1}.{name}.{signature}",
        f"{expires}.{name}x.{signature}",
        f"{expires}.{name}.{signature[:-1]}{'0' if signature[-1] != '0' else '1'}",
        f"{expires}.{name}.",
        f"{expires}.{name}",
        f"{expires}..{signature}",
    ):
        assert sessions.read(forged) is None


@given(st.text(max_size=200))
def test_whatever_a_cookie_holds_is_refused_without_an_error(cookie: str) -> None:
    assert Sessions("key").read(cookie) is None


def test_a_session_that_logged_out_is_refused_and_others_are_not() -> None:
    sessions = Sessions("key")
    mine, other = sessions.begin(), sessions.begin()
    session = sessions.read(mine)
    assert session
    sessions.end(session)
    assert sessions.read(mine) is None
    assert sessions.read(other)


async def test_log_out_wakes_whoever_waits_for_the_end() -> None:
    sessions = Sessions("key")
    session = sessions.read(sessions.begin())
    assert session
    waiting = asyncio.create_task(sessions.over(session))
    await asyncio.sleep(0)
    assert not waiting.done()
    sessions.end(session)
    await asyncio.wait_for(waiting, 5)


async def test_age_wakes_whoever_waits_for_the_end() -> None:
    time = Time()
    sessions = Sessions("key", time)
    session = sessions.read(sessions.begin())
    assert session
    time.now += LIFETIME
    await asyncio.wait_for(sessions.over(session), 5)


@pytest.mark.parametrize(
    ("offered", "admitted"), [("key", True), ("Key", False), ("key ", False), ("", False), ("ключ", False)]
)
def test_only_the_key_is_admitted(offered: str, admitted: bool) -> None:
    assert Sessions("key").admits(offered) is admitted
