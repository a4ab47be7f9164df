"""`/api/requests/{id}/text`: whole texts for who may see them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Any, cast
from uuid import UUID

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from plait.common.access.grants import Grant
from plait.common.errors import DependencyDown
from plait.dashboard.database import Database
from plait.dashboard.front.texts import Texts
from tests.unit.dashboard.asgi import Answer, ask
from tests.unit.dashboard.exchanges import number
from tests.unit.dashboard.test_request_parts import whole_exchange

THERE = number(1)
SAID = "<script>alert(1)</script>\u202e"


class Record:
    """A database with one exchange of one domain."""

    away = False

    def read(self, domains: Collection[str] | None, _: Callable[..., Awaitable[object]], asked: UUID) -> Any:
        if self.away:
            raise DependencyDown("Postgres does not answer")
        shown = domains is None or "a.test" in domains
        return (
            whole_exchange({"messages": [{"role": "user", "content": SAID}]}) if shown and asked == number(1) else None
        )


class Granted:
    """What the gate does: says who asks."""

    def __init__(self, app: ASGIApp, grant: Grant) -> None:
        self.app, self.grant = app, grant

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["state"] = {"grant": self.grant}
        await self.app(scope, receive, send)


async def get(record: Record, place: str, exchange: UUID = THERE, domains: frozenset[str] | None = None) -> Answer:
    routes = Texts(cast("Database", record)).routes()
    app = Starlette(routes=routes, middleware=[Middleware(Granted, grant=Grant("tests", "viewer", domains))])
    return await ask(app, f"/api/requests/{exchange}/text?at={place}")


async def test_a_text_is_given_as_text_alone() -> None:
    answer = await get(Record(), "request.messages.0")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.body.decode() == SAID


async def test_what_is_not_there_is_not_found() -> None:
    assert (await get(Record(), "request.messages.1")).status == 404
    assert (await get(Record(), "request.messages.0", number(2))).status == 404


async def test_another_domain_sees_nothing() -> None:
    assert (await get(Record(), "request.messages.0", domains=frozenset({"b.test"}))).status == 404
    assert (await get(Record(), "request.messages.0", domains=frozenset({"a.test"}))).status == 200


async def test_a_database_that_is_away_is_told() -> None:
    record = Record()
    record.away = True
    assert (await get(record, "request.messages.0")).status == 503
