"""Renews the login in one credential file: once, whoever asks, and written down before anybody uses it.

A refresh token is good once. Whoever lets a new one get lost has lost the login, so all that may ask, in this process
and in others that share the folder, take turns by a lock, and look at the file again when it is theirs.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from plait.common.errors import Broken
from plait.common.rewriting import own, rewrite
from plait.gateway.access.credentials import CredentialFile, OAuth
from plait.gateway.oauth.grants import Grant, Refused, Unavailable

_POLL_SECONDS: Final = 0.02
_TRIES: Final = 750
"""15 s: the longest wait for others that are renewing the same login."""

Clock = Callable[[], float]
"""Unix seconds."""


class Outcome(StrEnum):
    """What came of a renewal."""

    REFRESHED = "refreshed"
    FOUND = "found"
    """Somebody else had renewed it in the meantime."""


class Refreshing(Protocol):
    """What is needed of a token server."""

    async def refresh(self, refresh_token: str) -> Grant:
        """New tokens for a refresh token."""
        ...


class Renewal:
    """The login in the credential file at `path`."""

    def __init__(self, path: Path, server: Refreshing, clock: Clock = time.time) -> None:
        self._path = path
        self._server = server
        self._clock = clock
        self._unsaved: tuple[str, Grant] | None = None
        """A refresh token that is used up, and what it brought, while the file could not be written."""

    def stored(self) -> OAuth:
        """The login as the file has it now. Blocks, for the time of reading a small file.

        Raises:
            Unavailable: it cannot be read, or holds none.
        """
        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=CredentialFile).oauth
        except OSError as error:
            raise Unavailable(f"the credential file cannot be read: {error.strerror}") from error
        except msgspec.DecodeError as error:
            raise Unavailable("the credential file is broken") from error
        if found is None:
            raise Unavailable("the credential file holds no login")
        return found

    async def renew(self, least: float) -> Outcome:
        """Refresh the token, unless it is still good for `least` seconds by now.

        Raises:
            Refused: somebody has to log in again.
            Unavailable: it may be tried again; nothing is lost.
        """
        async with _turn(self._path):
            login = self.stored()
            if login.expires_at / 1000 - self._clock() >= least:
                return Outcome.FOUND
            if not login.refresh_token:
                raise Refused("the credential file holds no refresh token")
            await self._save(login.refresh_token, await self._grant(login.refresh_token))
        return Outcome.REFRESHED

    async def _grant(self, refresh_token: str) -> Grant:
        if self._unsaved and self._unsaved[0] == refresh_token:
            return self._unsaved[1]
        return await self._server.refresh(refresh_token)

    async def _save(self, used: str, grant: Grant) -> None:
        self._unsaved = (used, grant)
        try:
            await asyncio.to_thread(rewrite, self._path, lambda file: _replaced(file, used, grant))
        except (OSError, Broken) as error:
            raise Unavailable("the credential file cannot be written") from error
        self._unsaved = None


def with_grant(file: dict[str, Any], grant: Grant) -> dict[str, Any]:
    """The content of a credential file with these tokens; every other field stays."""
    login = {**_login(file), "accessToken": grant.access_token, "expiresAt": int(grant.expires_at * 1000)}
    if grant.refresh_token is not None:
        login["refreshToken"] = grant.refresh_token
    if grant.scope is not None:
        login["scopes"] = grant.scope.split()
    return {**file, "type": "oauth", "oauth": login}


def _replaced(file: dict[str, Any], used: str, grant: Grant) -> dict[str, Any]:
    """With the new tokens, unless somebody has logged in anew since the refresh began: a new login goes before."""
    return with_grant(file, grant) if _login(file).get("refreshToken") == used else file


def _login(file: dict[str, Any]) -> dict[str, Any]:
    held = file.get("oauth")
    return held if isinstance(held, dict) else {}


@asynccontextmanager
async def _turn(path: Path) -> AsyncIterator[None]:
    """Be the only one that renews this login, in all processes that share the folder."""
    lock = _lock_file(path)
    try:
        await _lock(lock)
        yield
    finally:
        os.close(lock)


def _lock_file(path: Path) -> int:
    """Another than that of a change of the file: nobody who changes it has to wait for a token server."""
    try:
        path = path.resolve()
        lock = os.open(path.with_name(f".{path.name}.renewal"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        own(lock, path)
    except OSError as error:
        raise Unavailable(f"the folder of credentials cannot be written to: {error.strerror}") from error
    return lock


async def _lock(lock: int) -> None:
    for _ in range(_TRIES):
        if _taken(lock):
            return
        await asyncio.sleep(_POLL_SECONDS)
    raise Unavailable("another process has been renewing it for too long")


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
