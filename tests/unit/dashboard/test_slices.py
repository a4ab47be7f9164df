"""Long requests come in slices: all of them, each once, what is in sight first, to who may see them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any, cast
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from plait.common.access.grants import Grant
from plait.common.errors import DependencyDown
from plait.dashboard.database import Database
from plait.dashboard.front.session import Session, Sessions
from plait.dashboard.front.slices import Slices
from plait.dashboard.islands.messages import Said
from plait.dashboard.islands.slices import first_of, rest_from, rest_of
from tests.unit.dashboard.asgi import Answer, ask
from tests.unit.dashboard.exchanges import number
from tests.unit.dashboard.test_request_parts import whole_exchange

THERE = number(1)
MANY = 430
SAID = [{"role": "user", "content": f"word {n}"} for n in range(1, MANY + 1)]


@given(st.integers(0, 3_000), st.integers(-5, 10_000))
def test_each_message_is_in_one_slice(count: int, place: int) -> None:
    drawn = [n for one in (first_of(count), *rest_of(count)) for n in one]
    assert drawn == list(range(count))
    assert sorted(rest_from(count, place), key=lambda one: one.start) == rest_of(count)


@given(st.integers(200, 3_000), st.data())
def test_the_slice_that_is_wanted_comes_first(count: int, data: st.DataObject) -> None:
    place = data.draw(st.integers(len(first_of(count)), count - 1))
    first, *others = rest_from(count, place)
    assert place in first
    assert others == [one for one in rest_of(count) if one.start > place] + [
        one for one in rest_of(count) if one.stop <= first.start
    ]


def test_slices_are_drawn_as_the_whole_is() -> None:
    messages = [*SAID[:5], {"role": "assistant", "content": "```python\nx = 1\n```"}]
    said = Said(messages)
    assert [*said.draw(range(2)), *said.draw(range(2, 6))] == Said(messages).draw()


class Record:
    """A database with one exchange of one domain."""

    away = False

    def read(self, domains: Collection[str] | None, _: Callable[..., Awaitable[object]], asked: UUID) -> Any:
        if self.away:
            raise DependencyDown("Postgres does not answer")
        shown = domains is None or "a.test" in domains
        return whole_exchange({"messages": SAID}) if shown and asked == THERE else None


class LoggedIn:
    """What the gate does: says who asks, in which session."""

    def __init__(self, app: ASGIApp, grant: Grant) -> None:
        self.app, self.grant = app, grant

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["state"] = {"grant": self.grant, "session": Session("tests", 1, "")}
        await self.app(scope, receive, send)


class Open:
    """Sessions without an end."""

    async def over(self, _: Session) -> None:
        await asyncio.Event().wait()


async def get(record: Record, query: str = "", exchange: UUID = THERE, *domains: str) -> Answer:
    routes = Slices(cast("Sessions", Open()), cast("Database", record)).routes()
    grant = Grant("tests", "viewer", frozenset(domains) or None)
    app = Starlette(routes=routes, middleware=[Middleware(LoggedIn, grant=grant)])
    return await ask(app, f"/api/requests/{exchange}/messages{query}")


def slices_in(answer: Answer) -> list[dict[str, Any]]:
    """What each event brought; the last one says that it was the last."""
    *events, end, rest = answer.body.decode().split("\n\n")
    assert (end, rest) == ("event: end\ndata: {}", "")
    return [msgspec.json.decode(event.removeprefix("event: slice\ndata: ")) for event in events]


async def test_what_did_not_come_with_the_page_comes_in_order() -> None:
    came = slices_in(await get(Record()))
    assert [one["first"] for one in came] == [61, 161, 261, 361]
    drawn = "".join(one["html"] for one in came)
    assert [drawn.count(f'id="m{n}"') for n in range(1, MANY + 1)] == [0] * 60 + [1] * 370


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("?from=300", 261),
        ("?from=430", 361),
        ("?from=9999", 61),
        ("?from=-1", 61),
        ("?from=²", 61),
        ("?from=" + "9" * 5000, 61),
    ],
)
async def test_the_one_that_is_asked_for_comes_first(query: str, first: int) -> None:
    came = [one["first"] for one in slices_in(await get(Record(), query))]
    assert came[0] == first
    assert sorted(came) == [61, 161, 261, 361]


async def test_another_domain_sees_nothing() -> None:
    assert (await get(Record(), "", THERE, "b.test")).status == 404
    assert (await get(Record(), "", THERE, "a.test")).status == 200
    assert (await get(Record(), "", number(2))).status == 404


async def test_a_database_that_is_away_is_told() -> None:
    record = Record()
    record.away = True
    assert (await get(record)).status == 503
