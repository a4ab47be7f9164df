"""What pages take from the read API: events of now, an answer while it runs, and files.

The API is asked with the dashboard's key, which opens everything: so what belongs to one exchange or conversation is
given to a visitor of some domains only when the database shows it to them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Final
from uuid import UUID

import httpx2
import structlog
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from plait.common.access.grants import Grant
from plait.common.queries.exchanges import get_summary
from plait.common.queries.identity import resolve
from plait.dashboard.database import Database
from plait.dashboard.front.live.events import Interest
from plait.dashboard.front.live.feed import Feed
from plait.dashboard.front.looking import Find, named
from plait.dashboard.front.session import Session, Sessions
from plait.dashboard.front.streaming import EventStream

_log = structlog.get_logger()

_AWAY: Final = "The read API does not answer; API_URL says where the dashboard looks for it."
_PASSED_ON: Final = ("content-type", "content-disposition")
_CONNECT_S: Final = 5.0
_READ_S: Final = 60.0
"""The API says something at least every 10 seconds while a stream is open."""


def client(api_url: str, key: str) -> httpx2.AsyncClient:
    """What calls the API. Proxies of the environment are for calls to the world."""
    return httpx2.AsyncClient(
        base_url=api_url,
        headers={"X-Dashboard-Key": key, "Accept-Encoding": "identity"},
        timeout=httpx2.Timeout(_READ_S, connect=_CONNECT_S),
        limits=httpx2.Limits(max_connections=None),
        trust_env=False,
    )


class Relay:
    """The routes under /api. The gate has let in who calls them."""

    def __init__(self, sessions: Sessions, database: Database, api: httpx2.AsyncClient, feed: Feed) -> None:
        self._sessions = sessions
        self._database = database
        self._api = api
        self._feed = feed

    def routes(self) -> list[Route]:
        """What the front answers itself."""
        return [
            Route("/api/session", _session_holds),
            Route("/api/live", self.live),
            Route("/api/requests/{id:uuid}/live", self.answer),
            Route("/api/requests/{id:uuid}/raw", self.raw),
            Route("/api/conversations/{id:uuid}/export", self.export),
            Route("/api/{rest:path}", _nothing),
        ]

    async def live(self, request: Request) -> Response:
        """Events of now; `event` (names, comma-separated), `domain`, `conversation` and `request` (ids) narrow them."""
        names = request.query_params.get("event")
        interest = Interest(
            domains=_domains(request),
            names=frozenset(names.split(",")) if names else None,
            conversation=_id_in(request, "conversation"),
            request=_id_in(request, "request"),
        )
        if self._feed.is_full:
            raise HTTPException(503, "Too many listen already. Try again later.", {"retry-after": "30"})
        return EventStream(self._heard(interest), self._sessions.over(_session(request)))

    async def answer(self, request: Request) -> Response:
        """An answer piece by piece while it runs."""
        await self._show(request, get_summary)
        place = request.headers.get("last-event-id", "")
        upstream = await self._open(request, {"last-event-id": place} if place.isascii() and place.isdigit() else {})
        return EventStream(_pieces(upstream), self._sessions.over(_session(request)))

    async def raw(self, request: Request) -> Response:
        """An exchange, or one body of it, as it was received."""
        await self._show(request, get_summary)
        return await self._file(request)

    async def export(self, request: Request) -> Response:
        """A conversation as a file."""
        await self._show(request, resolve)
        return await self._file(request)

    async def _heard(self, interest: Interest) -> AsyncGenerator[bytes, None]:
        listener = self._feed.join(interest)
        try:
            async for together in listener.frames():
                yield together
        finally:
            self._feed.leave(listener)

    async def _show(self, request: Request, find: Find[object]) -> None:
        """Go on if the visitor may see what the address names.

        Raises:
            HTTPException: 404, it does not exist for them; 503, that cannot be looked up.
        """
        if _grant(request).domains is not None:
            await named(request, self._database, find)

    async def _file(self, request: Request) -> Response:
        upstream = await self._open(request, {})
        headers = {name: upstream.headers[name] for name in _PASSED_ON if name in upstream.headers}
        return StreamingResponse(
            upstream.aiter_raw(),
            headers={"content-disposition": "attachment", "cache-control": "no-store", **headers},
            background=BackgroundTask(upstream.aclose),
        )

    async def _open(self, request: Request, headers: dict[str, str]) -> httpx2.Response:
        """The API's answer to the same path and parameters, its body yet to be read.

        Raises:
            HTTPException: as the API refuses; 502, it does not answer.
        """
        asked = self._api.build_request("GET", request.url.path, params=request.url.query, headers=headers)
        try:
            answer = await self._api.send(asked, stream=True)
            if answer.status_code != httpx2.codes.OK:
                await answer.aread()
                raise HTTPException(answer.status_code, _refusal(answer))
        except httpx2.HTTPError as error:
            _log.warning("the read API does not answer", reason=f"{type(error).__name__}: {error}")
            raise HTTPException(502, _AWAY) from error
        return answer


async def _pieces(upstream: httpx2.Response) -> AsyncGenerator[bytes, None]:
    try:
        async for piece in upstream.aiter_raw():
            yield piece
    except httpx2.HTTPError as error:  # the reader's browser connects again
        _log.warning("the read API broke off", reason=f"{type(error).__name__}: {error}")
    finally:
        await upstream.aclose()


def _refusal(answer: httpx2.Response) -> str:
    """What the API says is wrong; a refusal of the key that we call it with is our own trouble."""
    if answer.status_code in (401, 403):
        return "The read API does not take the dashboard's key: both must run with the same DASHBOARD_API_KEY."
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"The read API answers {answer.status_code}."


def _session(request: Request) -> Session:
    session: Session = request.state.session
    return session


def _grant(request: Request) -> Grant:
    grant: Grant = request.state.grant
    return grant


def _domains(request: Request) -> frozenset[str] | None:
    """Of those that the visitor sees, the one that is asked for."""
    grant, asked = _grant(request), request.query_params.get("domain")
    if not asked:
        return grant.domains
    return frozenset({asked}) if grant.shows(asked) else frozenset()


def _id_in(request: Request, name: str) -> UUID | None:
    """An id among the parameters.

    Raises:
        HTTPException: 400, it is none.
    """
    given = request.query_params.get(name)
    try:
        return UUID(given) if given else None
    except ValueError as error:
        raise HTTPException(400, f"{name} is no id.") from error


async def _session_holds(_: Request) -> Response:
    """A page whose stream was refused asks here why: without a session the gate says 401."""
    return Response(status_code=204)


async def _nothing(request: Request) -> Response:
    raise HTTPException(404, f"The dashboard has no {request.url.path}; the read API has its own port.")
