"""Credential files with a login, a token server that does as it is told, and a clock that tests turn."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from pathlib import Path
from typing import Any

from plait.gateway.oauth.grants import Grant, Refused, Unavailable

NOW = 1_800_000_000.0
DOMAIN = "gw.example.com"


class Clock:
    """Unix seconds, as far as it was turned."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class Granting:
    """Grants `new-1` and `refresh-1`, then `new-2` and so on, once `gate` is set; `faults` are raised before."""

    def __init__(self, clock: Clock, *, lifetime: float = 3600, rotates: bool = True) -> None:
        self.asked: list[str] = []
        self.faults: deque[Refused | Unavailable] = deque()
        self.gate = asyncio.Event()
        self.gate.set()
        self._clock, self._lifetime, self._rotates = clock, lifetime, rotates

    async def refresh(self, refresh_token: str) -> Grant:
        self.asked.append(refresh_token)
        number = len(self.asked)
        await self.gate.wait()
        if self.faults:
            raise self.faults.popleft()
        new = f"refresh-{number}" if self._rotates else None
        return Grant(f"new-{number}", self._lifetime, refresh_token=new, asked_at=self._clock.now)


def login(folder: Path, *, expires_in: float, refresh_token: str | None = "refresh-0", domain: str = DOMAIN) -> Path:
    """A credential file whose token expires so many seconds from `NOW`, with fields that we do not know."""
    oauth = {"accessToken": "old", "expiresAt": int((NOW + expires_in) * 1000), "isMax": True}
    if refresh_token is not None:
        oauth["refreshToken"] = refresh_token
    path = folder / f"{domain}.credentials.json"
    path.write_text(json.dumps({"type": "oauth", "accountId": "acc", "oauth": oauth, "slack": {"enabled": False}}))
    path.chmod(0o600)
    return path


def content(path: Path) -> dict[str, Any]:
    """What a credential file holds."""
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def token_in(path: Path) -> str:
    """The access token in a credential file."""
    token: str = content(path)["oauth"]["accessToken"]
    return token
