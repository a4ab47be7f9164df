"""The whole dashboard as one ASGI application: headers, gate, own routes, then Streamlit."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import httpx2
from starlette.middleware import Middleware
from streamlit.web.server.starlette import App

from plait.dashboard.database import Database
from plait.dashboard.front.gate import Gate
from plait.dashboard.front.headers import SecurityHeaders
from plait.dashboard.front.health import Health
from plait.dashboard.front.live.feed import Feed
from plait.dashboard.front.login import Login
from plait.dashboard.front.pages import Pages
from plait.dashboard.front.relay import Relay
from plait.dashboard.front.session import Sessions
from plait.dashboard.front.slices import Slices
from plait.dashboard.front.texts import Texts
from plait.dashboard.front.tries import Tries
from plait.dashboard.front.warming import warmed
from plait.dashboard.logs import take_over_logs
from plait.dashboard.look import configure_streamlit

SCRIPT: Final = Path(__file__).parents[1] / "script.py"


def front(sessions: Sessions) -> list[Middleware]:
    """What stands before everything else, sockets included: the outermost first."""
    return [Middleware(SecurityHeaders), Middleware(Gate, sessions=sessions)]


def build_app(sessions: Sessions, database: Database, api: httpx2.AsyncClient, feed: Feed) -> App:
    """The application, open to who has a session; `api` is the read API, `feed` its events."""
    configure_streamlit()
    take_over_logs()
    own = (Login(sessions, Tries()), Health(database), Texts(database), Slices(sessions, database))
    relay = Relay(sessions, database, api, feed)
    return App(
        SCRIPT,
        lifespan=warmed(database),
        middleware=[*front(sessions), Middleware(Pages)],
        routes=[route for part in (*own, relay) for route in part.routes()],
    )
