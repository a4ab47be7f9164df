"""Session cookies."""

from __future__ import annotations

import asyncio
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.common.access.doors import Doors
from plait.common.access.grants import Grant
from plait.common.access.key_file import Opener
from plait.common.access.keys import Key
from plait.dashboard.front.session import LIFETIME, Sessions
from tests.unit.dashboard.key_files import KEYS, LIMITED, Named, doors


class Time:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def sessions_of(key: str, time: Time | None = None) -> Sessions:
    return Sessions(key, Doors(viewer=key), time or Time())


def begun(sessions: Sessions) -> str:
    cookie = sessions.begin(sessions.key)
    assert cookie
    return cookie


def test_a_session_that_was_given_out_is_known_again_by_another_replica() -> None:
    cookie = begun(sessions_of("key"))
    session = sessions_of("key").read(cookie)
    assert session is not None
    assert cookie.startswith(f"{session.expires}.{session.name}.{session.mark}.")


def test_two_sessions_have_two_names() -> None:
    sessions = sessions_of("key")
    assert begun(sessions) != begun(sessions)


def test_a_session_ends_after_seven_days() -> None:
    time = Time()
    sessions = sessions_of("key", time)
    cookie = begun(sessions)
    time.now += LIFETIME - 1
    assert sessions.read(cookie)
    time.now += 1
    assert sessions.read(cookie) is None


def test_a_changed_key_ends_all_sessions() -> None:
    assert sessions_of("new").read(begun(sessions_of("old"))) is None


def test_neither_expiry_nor_name_nor_signature_can_be_changed() -> None:
    sessions = sessions_of("key")
    expires, name, mark, signature = begun(sessions).split(".")
    for forged in (
        f"{int(expires) + 1}.{name}.{mark}.{signature}",
        f"{expires}.{name}x.{mark}.{signature}",
        f"{expires}.{name}.{mark[::-1]}.{signature}",
        f"{expires}.{name}.{mark}.{signature[:-1]}{'0' if signature[-1] != '0' else '1'}",
        f"{expires}.{name}.{mark}.",
        f"{expires}.{name}.{mark}",
        f"{expires}.{name}..{signature}",
        f"{expires}..{mark}.{signature}",
    ):
        assert sessions.read(forged) is None


@given(st.text(max_size=200))
def test_whatever_a_cookie_holds_is_refused_without_an_error(cookie: str) -> None:
    assert sessions_of("key").read(cookie) is None


def test_a_session_that_logged_out_is_refused_and_others_are_not() -> None:
    sessions = sessions_of("key")
    mine, other = begun(sessions), begun(sessions)
    session = sessions.read(mine)
    assert session
    sessions.end(session)
    assert sessions.read(mine) is None
    assert sessions.read(other)


async def test_log_out_wakes_whoever_waits_for_the_end() -> None:
    sessions = sessions_of("key")
    session = sessions.read(begun(sessions))
    assert session
    waiting = asyncio.create_task(sessions.over(session))
    await asyncio.sleep(0)
    assert not waiting.done()
    sessions.end(session)
    await asyncio.wait_for(waiting, 60)


async def test_age_wakes_whoever_waits_for_the_end() -> None:
    time = Time()
    sessions = sessions_of("key", time)
    session = sessions.read(begun(sessions))
    assert session
    time.now += LIFETIME
    await asyncio.wait_for(sessions.over(session), 60)


@pytest.mark.parametrize(
    ("offered", "admitted"), [("key", True), ("Key", False), ("key ", False), ("", False), ("ключ", False)]
)
def test_only_a_key_is_admitted(offered: str, admitted: bool) -> None:
    assert (sessions_of("key").begin(offered) is not None) is admitted


@pytest.fixture
def named() -> Named:
    return Named()


@pytest.fixture
def of_many(named: Named) -> Sessions:
    return Sessions(KEYS["viewer"], doors(named), Time())


@pytest.mark.parametrize(
    ("who", "role", "domains"), [("viewer", "viewer", None), ("admin", "admin", None), ("limited", "viewer", LIMITED)]
)
def test_a_session_opens_what_its_key_does(of_many: Sessions, who: str, role: str, domains: object) -> None:
    session = of_many.read(of_many.begin(KEYS[who]) or "")
    assert session
    grant = of_many.grant_of(session)
    assert grant
    assert (grant.role, grant.domains) == (role, domains)


def test_when_a_key_ends_its_sessions_end_and_others_do_not(of_many: Sessions, named: Named) -> None:
    limited, viewer = of_many.begin(KEYS["limited"]), of_many.begin(KEYS["viewer"])
    assert limited
    assert viewer
    named.given = ()
    assert of_many.read(limited) is None
    assert of_many.read(viewer)


def test_what_ended_a_session_is_known_of_one_that_was_there(of_many: Sessions, named: Named) -> None:
    limited, viewer = of_many.begin(KEYS["limited"]) or "", of_many.begin(KEYS["viewer"]) or ""
    assert (of_many.ending(limited), of_many.ending("forged")) == (None, None)
    named.given = ()
    assert (of_many.ending(limited), of_many.ending(viewer)) == ("key", None)


def test_another_key_of_the_same_name_does_not_take_over_a_session(of_many: Sessions, named: Named) -> None:
    cookie = of_many.begin(KEYS["limited"])
    assert cookie
    other = Key("limited", sha256(b"another").digest())
    named.given = (Opener(other, named.given[0].grant),)
    assert of_many.read(cookie) is None


def test_what_a_key_opens_is_looked_up_each_time(of_many: Sessions, named: Named) -> None:
    session = of_many.read(of_many.begin(KEYS["limited"]) or "")
    assert session
    named.given = (Opener(named.given[0].key, Grant("limited", "admin", None)),)
    assert of_many.grant_of(session) == Grant("limited", "admin", None)


@pytest.mark.parametrize("domains", [None, frozenset({"other"})])
async def test_a_key_that_ends_or_opens_something_else_ends_what_is_open(
    of_many: Sessions, named: Named, domains: frozenset[str] | None
) -> None:
    session = of_many.read(of_many.begin(KEYS["limited"]) or "")
    assert session
    waiting = asyncio.create_task(of_many.over(session))
    await asyncio.sleep(0)
    assert not waiting.done()
    given = named.given[0]
    named.given = (Opener(given.key, Grant("limited", "viewer", domains)),) if domains else ()
    await asyncio.wait_for(waiting, 60)


def test_a_cookie_tells_neither_the_key_nor_its_digest(of_many: Sessions) -> None:
    for who in KEYS:
        cookie = of_many.begin(KEYS[who])
        assert cookie
        assert KEYS[who] not in cookie
        assert sha256(KEYS[who].encode()).hexdigest()[:32] not in cookie
