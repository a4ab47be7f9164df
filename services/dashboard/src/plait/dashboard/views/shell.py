"""What all pages have in common: header, reader's clock, ids from the address, and what to show when things fail."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import streamlit as st
from markupsafe import Markup

from plait.dashboard.assets import LOGO, LOGO_FILE
from plait.dashboard.islands.element import island
from plait.dashboard.islands.render import render
from plait.dashboard.islands.words import Clock, zone_of
from plait.dashboard.visitor import visitor

_WITHOUT_STATUS: Final = "<style>[data-testid='stStatusWidget'] { display: none }</style>"
"""Streamlit's figure that runs while a page is made would stand on our header's last entry."""


PAGES: Final = (
    ("/", "Conversations", "talk"),
    ("/requests", "Requests", "list"),
    ("/usage", "Usage", "bars"),
    ("/limits", "Limits", "gauge"),
    ("/analyses", "Analyses", "spark"),
    ("/system", "System", "pulse"),
    ("/settings", "Settings", "sliders"),
)
"""The menu: address, name and icon of each entry."""


def begin(title: str, here: str = "") -> None:
    """The page's title and header; `here` is the address of the menu's entry that the page stands under.

    Raises:
        LoggedOut: the visitor's session has ended.
    """
    st.set_page_config(page_title=f"{title} · Plait", page_icon=str(LOGO_FILE), layout="wide")
    st.html(_WITHOUT_STATUS)
    words = address_parameter("q") if here == "/search" else ""
    values = {"here": here, "pages": PAGES, "visitor": visitor(), "words": words}
    island(render("top.html", logo=Markup(LOGO), **values), key="top")  # noqa: S704


def clock() -> Clock:
    """The reader's zone, as the browser tells it, and now."""
    return Clock(zone_of(st.context.timezone), datetime.now(UTC))


def address_parameter(name: str) -> str:
    """A parameter of the page's address, empty where it has none."""
    return st.query_params.get(name, "").strip()


def id_in_address() -> UUID | None:
    """The id that the address asks for; None if it holds none that could be one."""
    try:
        return UUID(address_parameter("id"))
    except ValueError:
        return None


def say_unknown(what: str) -> None:
    """The page for an id that nothing is recorded under."""
    begin("Not found")
    island(render("unknown.html", what=what, asked=address_parameter("id")), key="unknown")


def say_logged_out() -> None:
    """What is left of a page when its session has ended."""
    st.set_page_config(page_title="Logged out · Plait", page_icon=str(LOGO_FILE), layout="wide")
    island(render("logged_out.html"), key="logged_out")


def say_broken() -> None:
    """What is shown in place of the rest of a page that failed."""
    island(render("broken.html"), key="broken")


def say_database_away(message: str) -> None:
    """The page for a database that does not answer."""
    island(render("trouble.html", message=message), key="trouble")
