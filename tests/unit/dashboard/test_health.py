"""Health: the database is asked once, however many ask for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection
from typing import Any, cast

from starlette.applications import Starlette

from plait.common.errors import DependencyDown
from plait.dashboard.database import Database
from plait.dashboard.front.health import Health
from tests.unit.dashboard.asgi import ask
from tests.unit.dashboard.test_session import Time


class Counted:
    """A database that answers when it is let, and counts who asks."""

    def __init__(self) -> None:
        self.asked = 0
        self.away = False
        self.let = threading.Event()

    def read(self, _: Collection[str] | None, __: Any) -> None:
        self.asked += 1
        self.let.wait(60)
        if self.away:
            raise DependencyDown("Postgres does not answer")


async def test_all_who_ask_within_a_second_get_one_answer() -> None:
    database, time = Counted(), Time()
    app = Starlette(routes=Health(cast("Database", database), time).routes())
    together = [asyncio.create_task(ask(app, "/health")) for _ in range(20)]
    while not database.asked:
        await asyncio.sleep(0)
    database.let.set()
    assert {(await one).status for one in together} == {200}
    time.now += 0.9
    database.away = True
    assert (await ask(app, "/health/ready")).status == 200
    assert database.asked == 1
    time.now += 0.1
    assert (await ask(app, "/health")).status == 503
    assert database.asked == 2


async def test_being_alive_asks_no_database() -> None:
    database = Counted()
    app = Starlette(routes=Health(cast("Database", database)).routes())
    assert (await ask(app, "/health/live")).status == 200
    assert database.asked == 0
