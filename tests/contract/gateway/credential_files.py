"""Credential files for tests, and calls as the clients that they let in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from plait.common.access.keys import hash_of
from plait.common.rewriting import rewrite
from plait.fakes.claude import ScriptedClaude
from plait.fakes.client import Received, call
from plait.fakes.http1 import Header
from tests.contract.gateway.relaying import MESSAGES, Gateway

DOMAIN: Final = "a.example"
LAPTOP: Final = {"name": "laptop", "hash": hash_of("good-key")}
UPSTREAM: Final[dict[str, Any]] = {"type": "api_key", "accountId": "acc", "api_key": "sk-ant-of-the-domain"}
KEYS: Final[dict[str, Any]] = {
    "client_api_key": "single-key",
    "client_api_keys": [
        LAPTOP,
        {"name": "off", "hash": hash_of("disabled-key"), "disabled": True},
        {"name": "old", "hash": hash_of("expired-key"), "expires": "2020-01-02T03:04:05Z"},
    ],
}
LOGIN: Final = {"accessToken": "oat-of-the-domain", "refreshToken": "r", "expiresAt": 4_000_000_000_000, "scopes": []}
MOST_SECONDS: Final = 60
"""How long a test waits for what is in force within one second on a machine that has time."""


def write(folder: Path, domain: str, content: dict[str, Any]) -> None:
    """The file of a domain holds this from now on."""
    rewrite(folder / f"{domain}.credentials.json", lambda _: content)


def bearer(key: str) -> Header:
    """The field that shows a key."""
    return ("Authorization", f"Bearer {key}")


async def ask(gateway: Gateway, *headers: Header, host: str = DOMAIN) -> Received:
    """A call of a domain's client."""
    return await call(gateway.port, "POST", MESSAGES, [("Host", host), *headers], b"{}")


async def until(gateway: Gateway, is_so: Callable[[Received], bool], *headers: Header, host: str = DOMAIN) -> Received:
    """Call until the answer is so."""
    async with asyncio.timeout(MOST_SECONDS):
        while not is_so(received := await ask(gateway, *headers, host=host)):
            pass
    return received


def credentials_seen(claude: ScriptedClaude) -> list[Header]:
    """What the only call showed to Claude."""
    [seen] = claude.calls
    return [(name.lower(), value) for name, value in seen.headers if name.lower() in ("authorization", "x-api-key")]
