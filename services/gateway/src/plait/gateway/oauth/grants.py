"""Asks the token server. Two things can go wrong, and they are told apart: it says no, or it cannot say anything."""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections.abc import Mapping
from typing import Annotated, Final

import httpx2
import msgspec
from msgspec import Meta, Struct

from plait.common.errors import PlaitError
from plait.gateway.oauth.settings import TokenSettings

_SAID_NO: Final = frozenset({400, 401, 403})
_CODE: Final = re.compile("[a-z_]{1,40}")
"""An error's code (RFC 6749, section 5.2). What else a refusal says may quote what was sent, and is not repeated."""
_LONGEST: Final = 10 * 366 * 86400
_Token = Annotated[str, Meta(pattern="^[!-~]+$")]
"""What can stand in a header field as it is."""


class Refused(PlaitError):
    """The token server says no: asking again is of no use, somebody has to log in."""


class Unavailable(PlaitError):
    """The token server does not answer, or says nothing that helps: it may be asked again."""


class Account(Struct, frozen=True):
    """Whose login it is."""

    uuid: str | None = None


class Grant(Struct, frozen=True):
    """What the token server grants."""

    access_token: _Token
    expires_in: Annotated[float, Meta(gt=0, le=_LONGEST)]
    """Seconds from `asked_at`."""
    refresh_token: _Token | None = None
    """None: the one that was used stays good."""
    scope: str | None = None
    account: Account | None = None
    asked_at: float = 0
    """Unix seconds at which it was asked for; set by us."""

    @property
    def expires_at(self) -> float:
        """Unix seconds; rather too early than too late, by the time that the answer took."""
        return self.asked_at + self.expires_in


class TokenServer:
    """Claude's token server, or what the settings name in its place."""

    def __init__(self, settings: TokenSettings) -> None:
        self._url = settings.oauth_token_url
        self._client_id = settings.oauth_client_id
        self._timeout = settings.oauth_timeout
        self._tls = ssl.create_default_context()  # made here: it takes long, and grants are asked for between exchanges

    async def refresh(self, refresh_token: str) -> Grant:
        """A new access token. The refresh token is used up by this, if the answer brings a new one.

        Raises:
            Refused: the refresh token is no longer good.
            Unavailable: there is no telling whether it is.
        """
        return await self._ask({"grant_type": "refresh_token", "refresh_token": refresh_token})

    async def exchange(self, *, code: str, state: str, verifier: str, redirect_uri: str) -> Grant:
        """The first tokens of a login.

        Raises:
            Refused: the code is not good, or no longer.
            Unavailable: there is no telling.
        """
        asked = {"code": code, "state": state, "code_verifier": verifier, "redirect_uri": redirect_uri}
        return await self._ask({"grant_type": "authorization_code", **asked})

    async def _ask(self, asked: Mapping[str, str]) -> Grant:
        now = time.time()
        try:
            async with asyncio.timeout(self._timeout), httpx2.AsyncClient(verify=self._tls, timeout=None) as client:
                answer = await client.post(self._url, json={"client_id": self._client_id, **asked})
        except TimeoutError as error:
            raise Unavailable("the token server did not answer in time") from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise Unavailable(f"the token server cannot be reached ({type(error).__name__})") from error
        return _granted(answer.status_code, answer.content, now)


def _granted(status: int, body: bytes, asked_at: float) -> Grant:
    if status in _SAID_NO:
        raise Refused(f"the token server refuses it ({_code(body) or f'status {status}'})")
    if status != httpx2.codes.OK:
        raise Unavailable(f"the token server answers with status {status}")
    try:
        return msgspec.structs.replace(msgspec.json.decode(body, type=Grant), asked_at=asked_at)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unavailable("the token server's answer holds no usable token") from error


def _code(body: bytes) -> str | None:
    try:
        code = msgspec.json.decode(body)["error"]
    except (msgspec.DecodeError, RecursionError, LookupError, TypeError):
        return None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None
