"""A refresh token is good once: whoever gets a new one writes it down first, and nobody asks twice."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

import pytest

from plait.gateway.oauth import renewal as module
from plait.gateway.oauth.grants import Grant, Refused, Unavailable
from plait.gateway.oauth.renewal import Outcome, Renewal, with_grant
from tests.unit.gateway.oauth_logins import NOW, Clock, Granting, content, login, token_in


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def test_new_tokens_are_written_and_all_else_is_kept(tmp_path: Path, clock: Clock) -> None:
    path = login(tmp_path, expires_in=10)
    before = content(path)
    assert await Renewal(path, Granting(clock), clock).renew(60) is Outcome.REFRESHED
    new = {"accessToken": "new-1", "refreshToken": "refresh-1", "expiresAt": int((NOW + 3600) * 1000)}
    assert content(path) == before | {"oauth": before["oauth"] | new}
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_refresh_token_that_is_not_replaced_stays(tmp_path: Path, clock: Clock) -> None:
    path = login(tmp_path, expires_in=10)
    await Renewal(path, Granting(clock, rotates=False), clock).renew(60)
    assert content(path)["oauth"]["refreshToken"] == "refresh-0"


async def test_what_is_good_for_long_enough_is_left_unless_it_is_forced(tmp_path: Path, clock: Clock) -> None:
    server, path = Granting(clock), login(tmp_path, expires_in=60)
    renewal = Renewal(path, server, clock)
    assert (await renewal.renew(60), server.asked) == (Outcome.FOUND, [])
    assert await renewal.renew(math.inf) is Outcome.REFRESHED


async def test_those_who_share_a_folder_take_turns_and_find_what_the_first_has_done(
    tmp_path: Path, clock: Clock
) -> None:
    server, path = Granting(clock), login(tmp_path, expires_in=10)
    server.gate.clear()
    others = [asyncio.create_task(Renewal(path, server, clock).renew(60)) for _ in range(5)]
    while not server.asked:
        await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    server.gate.set()
    assert sorted(await asyncio.gather(*others)) == [Outcome.FOUND] * 4 + [Outcome.REFRESHED]
    assert server.asked == ["refresh-0"]


async def test_one_who_fails_lets_the_next_try(tmp_path: Path, clock: Clock) -> None:
    server, path = Granting(clock), login(tmp_path, expires_in=10)
    server.faults.append(Unavailable("away"))
    with pytest.raises(Unavailable):
        await Renewal(path, server, clock).renew(60)
    assert await Renewal(path, server, clock).renew(60) is Outcome.REFRESHED


async def test_nobody_waits_for_ever(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TRIES", 2)
    server, path = Granting(clock), login(tmp_path, expires_in=10)
    server.gate.clear()
    first = asyncio.create_task(Renewal(path, server, clock).renew(60))
    while not server.asked:
        await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="another process has been renewing it for too long"):
        await Renewal(path, server, clock).renew(60)
    server.gate.set()
    assert await first is Outcome.REFRESHED


async def test_tokens_that_could_not_be_written_are_not_lost(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    server, path = Granting(clock), login(tmp_path, expires_in=10)
    renewal = Renewal(path, server, clock)
    with monkeypatch.context() as disk:
        disk.setattr(module, "rewrite", full)
        with pytest.raises(Unavailable, match="cannot be written"):
            await renewal.renew(60)
    assert token_in(path) == "old"
    assert await renewal.renew(60) is Outcome.REFRESHED
    assert (server.asked, token_in(path)) == (["refresh-0"], "new-1")


async def test_a_login_made_meanwhile_goes_before(tmp_path: Path, clock: Clock) -> None:
    server, path = Granting(clock), login(tmp_path, expires_in=10)
    server.gate.clear()
    renewing = asyncio.create_task(Renewal(path, server, clock).renew(60))
    while not server.asked:
        await asyncio.sleep(0)
    login(tmp_path, expires_in=5000, refresh_token="of-the-new-login")
    server.gate.set()
    await renewing
    assert content(path)["oauth"]["refreshToken"] == "of-the-new-login"


async def test_a_folder_that_cannot_be_written_to_uses_no_token_up(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, path = Granting(clock), login(tmp_path, expires_in=10)

    def read_only(*_: object) -> int:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("os.open", read_only)
    with pytest.raises(Unavailable, match="cannot be written to: Read-only file system"):
        await Renewal(path, server, clock).renew(60)
    assert server.asked == []


async def test_without_a_refresh_token_somebody_has_to_log_in(tmp_path: Path, clock: Clock) -> None:
    path = login(tmp_path, expires_in=10, refresh_token=None)
    with pytest.raises(Refused, match="holds no refresh token"):
        await Renewal(path, Granting(clock), clock).renew(60)


@pytest.mark.parametrize("held", [{}, {"oauth": None}, {"oauth": "x"}])
def test_scopes_are_kept_as_a_list(held: dict[str, object]) -> None:
    grant = Grant("a", 60, scope="user:profile user:inference", asked_at=NOW)
    file = with_grant({"type": "api_key", "api_key": "k", **held}, grant)
    assert file["oauth"]["scopes"] == ["user:profile", "user:inference"]
    assert (file["type"], file["api_key"]) == ("oauth", "k")
