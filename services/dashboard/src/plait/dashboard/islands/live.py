"""What happens now, on the page: a mark that says how much is new, a page that follows, an answer while it runs.

The browser listens to the front's `/api/live` (one stream a tab, closed while the tab is hidden), which tells nothing
that the visitor may not see. Rows never jump: a list says what is new and is made anew when the reader asks.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Literal
from uuid import UUID

import streamlit as st

from plait.dashboard.islands.element import asset

_MARK: Final = """<div class="island"><div class="live">
<span class="state" role="status">Live</span><button class="button primary" hidden></button>
</div></div>"""
_TAIL: Final = """<div class="island"><section class="tail" aria-label="The answer so far">
<p class="state busy" role="status">The answer is running</p><pre></pre></section></div>"""
_LISTENS: Final = "plait listens"
"""Key in the session's state: whether the page that is made has its stream."""

EXCHANGES: Final = ("exchange.started", "exchange.finished", "exchange.placed")
CONVERSATIONS: Final = ("conversation.updated", "conversation.deleted")


_CSS: Final = asset("base.css") + asset("live.css")
_live = st.components.v2.component("plait_live", html=_MARK, css=_CSS, js=asset("live.js"))
_tail = st.components.v2.component("plait_tail", html=_TAIL, css=_CSS, js=asset("tail.js"))


def live(
    names: Sequence[str],
    nouns: tuple[str, str] = ("conversation", "conversations"),
    *,
    mode: Literal["say", "follow"] = "say",
    domain: str = "",
    conversation: UUID | None = None,
    request: UUID | None = None,
) -> bool:
    """Listen to the events of these names, once a page; give `nouns` for one and for many of what they are about.

    `say` draws the mark "Live", and "3 new or changed conversations: show" when events have come; `follow` draws
    nothing but the mark. The script runs again when the reader asks, or, following, when things have settled. Events
    can be narrowed to a domain, a conversation or a request.

    Returns whether the script runs because of that: then what is kept for some seconds is too old.
    """
    st.session_state[_LISTENS] = True
    about = {
        "event": ",".join(names),
        "domain": domain,
        "conversation": str(conversation or ""),
        "request": str(request or ""),
    }
    return _listen(about, list(names), nouns, mode)


def tail(request: UUID) -> bool:
    """Show the text of an answer while the model writes it.

    Returns whether the script runs because it has ended.
    """
    shown = _tail(key="tail", data={"id": str(request)}, on_ended_change=_again)
    return bool(shown.ended)


@contextmanager
def attended() -> Iterator[None]:
    """A page that listens to nothing still hears when its session ends, and leads to the login form then."""
    st.session_state[_LISTENS] = False
    yield
    if not st.session_state[_LISTENS]:
        _listen({"event": "none"}, [], ("", ""), "quiet")


def _listen(about: dict[str, str], names: list[str], nouns: tuple[str, str], mode: str) -> bool:
    data = {"about": about, "names": names, "noun": nouns[0], "nouns": nouns[1], "mode": mode, "drawn": time.time()}
    heard = _live(key="live", data=data, on_asked_change=_again)
    return bool(heard.asked)


def _again() -> None:
    """A run of the script is all that is asked for."""
