"""When a login is refreshed, who waits for it, and what is said when it fails."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from plait.gateway.oauth import refresher as module
from plait.gateway.oauth.grants import Refused, Unavailable
from plait.gateway.oauth.refresher import PAUSE_SECONDS, Refresher
from plait.gateway.relay.refusals import Refusal
from tests.unit.gateway.oauth_logins import DOMAIN, NOW, Clock, Granting, login, token_in

GONE = Refused("the token server refuses it (invalid_grant)")
AWAY = Unavailable("the token server answers with status 503")


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def test_a_token_that_is_good_for_more_than_a_minute_is_left_alone(tmp_path: Path, clock: Clock) -> None:
    server, path = Granting(clock), login(tmp_path, expires_in=61)
    await Refresher(server, clock).refresh(path)
    assert (server.asked, token_in(path)) == ([], "old")


@pytest.mark.parametrize("expires_in", [59, 0, -1_000_000])
async def test_fifty_requests_are_one_refresh(tmp_path: Path, clock: Clock, expires_in: float) -> None:
    server, path = Granting(clock), login(tmp_path, expires_in=expires_in)
    refresher = Refresher(server, clock)
    await asyncio.gather(*(refresher.refresh(path) for _ in range(50)))
    assert (server.asked, token_in(path)) == (["refresh-0"], "new-1")
    await refresher.refresh(path)
    assert len(server.asked) == 1


async def test_while_the_old_token_is_good_nobody_waits_long(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.01)
    server, path = Granting(clock), login(tmp_path, expires_in=30)
    server.gate.clear()
    refresher = Refresher(server, clock)
    await refresher.refresh(path)
    clock.now += 1
    later = asyncio.create_task(refresher.refresh(path))
    await asyncio.wait({later}, timeout=60)
    assert later.done()
    assert (server.asked, token_in(path)) == (["refresh-0"], "old")
    server.gate.set()
    await refresher.close()
    assert token_in(path) == "new-1"


async def test_after_it_has_expired_everybody_waits(tmp_path: Path, clock: Clock) -> None:
    server, path = Granting(clock), login(tmp_path, expires_in=-1)
    server.gate.clear()
    refresher = Refresher(server, clock)
    waiting = [asyncio.create_task(refresher.refresh(path)) for _ in range(3)]
    while not server.asked:
        await asyncio.sleep(0)
    clock.now += 30
    waiting.append(asyncio.create_task(refresher.refresh(path)))
    await asyncio.sleep(0.05)
    assert not any(each.done() for each in waiting)
    server.gate.set()
    await asyncio.gather(*waiting)
    assert (len(server.asked), token_in(path)) == (1, "new-1")


async def test_a_refresh_goes_on_without_the_request_that_began_it(tmp_path: Path, clock: Clock) -> None:
    server, path = Granting(clock), login(tmp_path, expires_in=-1)
    server.gate.clear()
    refresher = Refresher(server, clock)
    first = asyncio.create_task(refresher.refresh(path))
    while not server.asked:
        await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait({first})
    server.gate.set()
    await refresher.refresh(path)
    assert (len(server.asked), token_in(path)) == (1, "new-1")


async def test_a_login_that_is_refused_is_a_401_with_its_cure_and_asked_once_in_five_seconds(
    tmp_path: Path, clock: Clock
) -> None:
    server, path = Granting(clock), login(tmp_path, expires_in=-1)
    server.faults += [GONE, GONE]
    refresher = Refresher(server, clock)
    for _ in range(20):
        with pytest.raises(Refusal) as refused:
            await refresher.refresh(path)
    assert (refused.value.status, refused.value.type) == (401, "authentication_error")
    assert refused.value.message == (
        f"The login of {DOMAIN} at Claude has expired and cannot be refreshed: the token server refuses it "
        f"(invalid_grant). Log in again with `plait login {DOMAIN}`."
    )
    assert refused.value.fields == ((b"www-authenticate", b"Bearer"),)
    assert len(server.asked) == 1
    clock.now += PAUSE_SECONDS
    with pytest.raises(Refusal):
        await refresher.refresh(path)
    assert len(server.asked) == 2


async def test_a_login_without_a_refresh_token_is_used_as_long_as_it_is_good(tmp_path: Path, clock: Clock) -> None:
    server, path = Granting(clock), login(tmp_path, expires_in=30, refresh_token=None)
    refresher = Refresher(server, clock)
    await refresher.refresh(path)
    clock.now += 30
    with pytest.raises(Refusal, match="holds no refresh token"):
        await refresher.refresh(path)
    assert server.asked == []


async def test_trouble_at_the_token_server_is_not_felt_while_the_old_token_is_good(
    tmp_path: Path, clock: Clock
) -> None:
    server, path = Granting(clock), login(tmp_path, expires_in=30)
    server.faults += [AWAY] * 3
    refresher = Refresher(server, clock)
    for second in range(11):
        clock.now = NOW + second
        await refresher.refresh(path)
    assert len(server.asked) == 3
    clock.now = NOW + 15
    await refresher.refresh(path)
    assert token_in(path) == "new-4"


async def test_trouble_after_it_has_expired_is_a_401_that_may_be_tried_again(tmp_path: Path, clock: Clock) -> None:
    server, path = Granting(clock), login(tmp_path, expires_in=-1)
    server.faults.append(AWAY)
    refresher = Refresher(server, clock)
    with pytest.raises(Refusal) as refused:
        await refresher.refresh(path)
    assert refused.value.status == 401
    assert "status 503. It is tried again in 5 s. If that does not help: Log in" in refused.value.message
    assert (b"retry-after", b"5") in refused.value.fields
    assert (b"x-should-retry", b"true") in refused.value.fields
    clock.now += PAUSE_SECONDS
    await refresher.refresh(path)
    assert token_in(path) == "new-2"


async def test_a_new_login_ends_the_pause(tmp_path: Path, clock: Clock) -> None:
    server, path = Granting(clock), login(tmp_path, expires_in=-1)
    server.faults.append(GONE)
    refresher = Refresher(server, clock)
    with pytest.raises(Refusal):
        await refresher.refresh(path)
    login(tmp_path, expires_in=3600)
    await refresher.refresh(path)
    assert len(server.asked) == 1


async def test_tokens_of_a_short_life_are_no_storm(tmp_path: Path, clock: Clock) -> None:
    server, path = Granting(clock, lifetime=20), login(tmp_path, expires_in=-1)
    refresher = Refresher(server, clock)
    for second in range(10):
        clock.now = NOW + second
        await refresher.refresh(path)
    assert len(server.asked) == 2


@pytest.mark.parametrize("text", ["", "{", '{"type": "oauth"}'], ids=["empty", "broken", "no login"])
async def test_a_file_that_holds_no_login_is_said_to(tmp_path: Path, clock: Clock, text: str) -> None:
    path = login(tmp_path, expires_in=-1)
    path.write_text(text)
    refresher = Refresher(Granting(clock), clock)
    with capture_logs() as logs:
        for _ in range(3):
            with pytest.raises(Refusal, match=r"the credential file (is broken|holds no login)"):
                await refresher.refresh(path)
            clock.now += PAUSE_SECONDS
    assert [(each["event"], each["domain"]) for each in logs] == [("token_not_refreshed", DOMAIN)]


async def test_logins_are_refreshed_side_by_side(tmp_path: Path, clock: Clock) -> None:
    server = Granting(clock)
    server.gate.clear()
    refresher = Refresher(server, clock)
    paths = [login(tmp_path, expires_in=-1, domain=name, refresh_token=name) for name in ("a.test", "b.test")]
    waiting = [asyncio.create_task(refresher.refresh(path)) for path in paths]
    while len(server.asked) < 2:
        await asyncio.sleep(0)
    server.gate.set()
    await asyncio.gather(*waiting)
    assert sorted(map(token_in, paths)) == ["new-1", "new-2"]
