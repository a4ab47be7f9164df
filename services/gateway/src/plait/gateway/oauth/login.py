"""A login at Claude (OAuth with PKCE, RFC 7636): an address for a person's browser, and the code that comes back.

Between the two lies time, and perhaps another call of the command, so what was begun is kept beside the credential
file. The code is of no use to anybody who does not have that.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from hmac import compare_digest
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from plait.common.errors import Broken, UserError
from plait.common.rewriting import rewrite
from plait.gateway.oauth.grants import Grant, Refused, TokenServer, Unavailable
from plait.gateway.oauth.renewal import with_grant
from plait.gateway.oauth.settings import LoginSettings

_SHOWN: Final = re.compile("(?P<code>[!-~]+?)#(?P<state>[!-~]+)")


class Attempt(Struct, frozen=True):
    """What proves, when the code comes, that it belongs to the login that we began."""

    state: str
    verifier: str

    @classmethod
    def new(cls) -> Self:
        """256 random bits each."""
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(32))

    @property
    def challenge(self) -> str:
        """The verifier's digest, which alone is told before (S256)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def address(self, settings: LoginSettings) -> str:
        """The page on which a person logs in and allows it."""
        query = {
            "code": "true",
            "client_id": settings.oauth_client_id,
            "response_type": "code",
            "redirect_uri": settings.oauth_redirect_uri,
            "scope": settings.oauth_scope,
            "code_challenge": self.challenge,
            "code_challenge_method": "S256",
            "state": self.state,
        }
        return f"{settings.oauth_authorize_url}?{urlencode(query)}"

    def code(self, shown: str) -> str:
        """The code in the `code#state` that the page shows.

        Raises:
            UserError: it is none, or belongs to another login.
        """
        match = _SHOWN.fullmatch(shown.strip())
        if match is None:
            raise UserError("That is not the whole code: copy all of it, with the `#` and what follows.")
        if not compare_digest(match["state"], self.state):
            raise UserError("The code belongs to another login: open the address that was printed last.")
        return match["code"]


class Login:
    """The login of one domain, into the credential file at `path`."""

    def __init__(self, path: Path, settings: LoginSettings) -> None:
        self._path = path
        self._begun = path.with_name(f".{path.name}.login")
        self._settings = settings

    def begin(self) -> str:
        """The address to open. A login that was begun before and not finished is given up.

        Raises:
            UserError: the tokens could not be written when they come.
        """
        attempt = Attempt.new()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._write(lambda file: file)
            with open(self._begun, "wb", opener=_private) as file:
                file.write(msgspec.json.encode(attempt))
        except OSError as error:
            raise UserError(f"{self._path.parent} cannot be written to: {error.strerror}.") from error
        return attempt.address(self._settings)

    async def finish(self, shown: str) -> Grant:
        """Exchange the code for tokens, and put them into the credential file; what else it holds stays.

        Raises:
            UserError: the code is not good, or there is no login that it could belong to.
        """
        attempt = self._attempt()
        code = attempt.code(shown)
        try:
            grant = await TokenServer(self._settings).exchange(
                code=code,
                state=attempt.state,
                verifier=attempt.verifier,
                redirect_uri=self._settings.oauth_redirect_uri,
            )
        except Refused as error:
            raise UserError(
                f"The code is not accepted: {error}. Begin again: a code is good once and briefly."
            ) from error
        except Unavailable as error:
            raise UserError(f"The login could not be finished: {error}.") from None
        self._write(lambda file: _logged_in(file, grant))
        with suppress(FileNotFoundError):
            self._begun.unlink()
        return grant

    def _write(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        try:
            rewrite(self._path, change)
        except Broken as error:
            raise UserError(f"{self._path} is broken, and nothing of it would be kept: {error}.") from None
        except OSError as error:
            raise UserError(f"{self._path} cannot be written: {error.strerror}.") from None

    def _attempt(self) -> Attempt:
        try:
            return msgspec.json.decode(self._begun.read_bytes(), type=Attempt)
        except (OSError, msgspec.DecodeError) as error:
            raise UserError(
                "No login has been begun here: call it without --code first, and open the address."
            ) from error


def _logged_in(file: dict[str, Any], grant: Grant) -> dict[str, Any]:
    """With the tokens, and with the account that the token server names, where the file names none."""
    account = grant.account.uuid if grant.account else None
    named = {"accountId": account} if account and not file.get("accountId") else {}
    return {**with_grant(file, grant), **named}


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
