"""A stand-in for Claude's token server: refresh tokens and codes that are good once, as RFC 6749 and 7636 have them.

tokens = TokenServer()
async with ScriptedClaude() as claude:
    claude.rules.append(tokens.answer)             # at claude.url + PATH
    tokens.instead.append(refusal(500))            # the next grant, once
    code = tokens.authorize(address)               # a person opens the address and allows it
"""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from plait.fakes.answers import Answer, json_answer
from plait.fakes.http1 import Header
from plait.fakes.ledger import Call

PATH: Final = "/v1/oauth/token"
ACCOUNT: Final = "3f1d6a52-7c0e-4b7e-9a52-0d8c1d1f2a11"


def refusal(status: int, error: str = "server_error", headers: tuple[Header, ...] = ()) -> Answer:
    """An error in the form of RFC 6749, section 5.2."""
    return json_answer({"error": error, "error_description": f"Scripted {error}"}, status, headers)


INVALID_GRANT: Final = refusal(400, "invalid_grant")


@dataclass
class TokenServer:
    """Grants tokens; the names of all it issued are counted: `access-1`, `refresh-1`, `access-2`, …"""

    lifetime: float = 3600
    """`expires_in` of what it grants, in seconds."""
    wait: float = 0
    """Seconds before each answer."""
    rotates: bool = True
    """Whether a refresh gives a new refresh token and ends the old one."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    """Each grant that was asked for."""
    instead: deque[Answer] = field(default_factory=deque)
    """Given to the next grants in place of what they ask for, which then stays good."""
    access: set[str] = field(default_factory=set)
    """Access tokens granted so far."""
    _refresh: set[str] = field(default_factory=set)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def issue(self) -> str:
        """A refresh token that is good."""
        token = f"refresh-{next(self._numbers)}"
        self._refresh.add(token)
        return token

    def authorize(self, address: str) -> str:
        """What the page at the login address shows in the end: `code#state`."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        code = f"code-{next(self._numbers)}"
        self._codes[code] = asked
        return f"{code}#{asked['state']}"

    def answer(self, call: Call) -> Answer | None:
        """The rule for a scripted Claude."""
        if call.path != PATH or call.method != "POST":
            return None
        self.asked.append(call.json)
        answer = self.instead.popleft() if self.instead else self._grant(call.json)
        return replace(answer, head_wait=self.wait)

    def _grant(self, asked: dict[str, Any]) -> Answer:
        kind = asked.get("grant_type")
        if kind == "refresh_token":
            return self._refreshed(asked)
        if kind == "authorization_code":
            return self._exchanged(asked)
        return refusal(400, "unsupported_grant_type")

    def _refreshed(self, asked: dict[str, Any]) -> Answer:
        token = asked.get("refresh_token")
        if token not in self._refresh:
            return INVALID_GRANT
        if not self.rotates:
            return self._granted()
        self._refresh.remove(token)
        return self._granted(refresh_token=self.issue())

    def _exchanged(self, asked: dict[str, Any]) -> Answer:
        allowed = self._codes.pop(asked.get("code", ""), None)
        if allowed is None:
            return INVALID_GRANT
        same = all(asked.get(name) == allowed[name] for name in ("client_id", "redirect_uri", "state"))
        if not same or _challenge(asked.get("code_verifier", "")) != allowed["code_challenge"]:
            return INVALID_GRANT
        return self._granted(refresh_token=self.issue(), scope=allowed["scope"], account={"uuid": ACCOUNT})

    def _granted(self, **more: object) -> Answer:
        access = f"access-{next(self._numbers)}"
        self.access.add(access)
        return json_answer(
            {"token_type": "Bearer", "access_token": access, "expires_in": self.lifetime, **more},
            headers=(("cache-control", "no-store"),),
        )


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
