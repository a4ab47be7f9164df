"""Log in and out: plain pages that need no script."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from plait.dashboard.front.addresses import over_https, own_address
from plait.dashboard.front.plain import page
from plait.dashboard.front.session import COOKIE, LIFETIME, Ending, Sessions
from plait.dashboard.front.tries import Tries

_MOST_FORM_BYTES: Final = 16_384
_MOST_FIELDS: Final = 4
_KNOWN_LONGER_S: Final = 24 * 3600
"""The cookie outlives its session, so that it can be said why somebody has to log in again."""
_WHY: Final[dict[Ending, str]] = {
    "expired": "A login is good for seven days, and yours is over. Log in again.",
    "left": "You have logged out.",
    "key": "The key that you logged in with opens nothing any more: it was disabled, expired, or changed.",
}


class Login:
    """The form at /login and the way out at /logout."""

    def __init__(self, sessions: Sessions, tries: Tries) -> None:
        self.sessions = sessions
        self.tries = tries

    def routes(self) -> list[Route]:
        """What the front answers itself."""
        return [
            Route("/login", self.show, methods=["GET"]),
            Route("/login", self.enter, methods=["POST"]),
            Route("/logout", self.leave, methods=["GET", "POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """The form; who is logged in already goes on."""
        following = own_address(request.query_params.get("next", "/"))
        cookie = request.cookies.get(COOKIE, "")
        if self.sessions.read(cookie):
            return RedirectResponse(following, 303)
        ending = self.sessions.ending(cookie)
        return _form(following, why=_WHY[ending] if ending else "")

    async def enter(self, request: Request) -> Response:
        """Take the form's key: a session and on to where the reader wanted to go, or the form again and why."""
        form = await _read_form(request)
        following = own_address(form.get("next") or request.query_params.get("next") or "/")
        address = request.client.host if request.client else "unknown"
        if wait := self.tries.wait(address):
            return _too_many(following, math.ceil(wait))
        cookie = self.sessions.begin(form.get("key", "").strip())
        if cookie is None:
            self.tries.failed(address)
            return _form(following, "This key opens nothing here.", HTTPStatus.UNAUTHORIZED)
        self.tries.succeeded(address)
        return _welcome(request, cookie, following)

    async def leave(self, request: Request) -> Response:
        """End the session, and with it whatever connections it holds."""
        if session := self.sessions.read(request.cookies.get(COOKIE, "")):
            self.sessions.end(session)
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax", secure=_over_https(request))
        return answer


def _welcome(request: Request, cookie: str, following: str) -> Response:
    answer = RedirectResponse(following, 303)
    secure = _over_https(request)
    lasts = LIFETIME + _KNOWN_LONGER_S
    answer.set_cookie(COOKIE, cookie, max_age=lasts, path="/", httponly=True, samesite="lax", secure=secure)
    return answer


def _over_https(request: Request) -> bool:
    return over_https(request.url.scheme, request.headers)


async def _read_form(request: Request) -> dict[str, str]:
    """The form's fields; none of a body that is no form or longer than any form of ours."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST_FORM_BYTES:
            return {}
    try:
        return dict(parse_qsl(body.decode(errors="replace"), max_num_fields=_MOST_FIELDS))
    except ValueError:
        return {}


def _form(following: str, problem: str = "", status: int = HTTPStatus.OK, why: str = "") -> HTMLResponse:
    told = page("login.html", next=following, problem=problem, why=why)
    return HTMLResponse(told, status, {"cache-control": "no-store"})


def _too_many(following: str, seconds: int) -> HTMLResponse:
    minutes = math.ceil(seconds / 60)
    when = "a minute" if minutes == 1 else f"{minutes} minutes"
    answer = _form(following, f"Too many wrong keys from here. Try again in {when}.", HTTPStatus.TOO_MANY_REQUESTS)
    answer.headers["retry-after"] = str(seconds)
    return answer
