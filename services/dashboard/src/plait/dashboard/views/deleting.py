"""Having a conversation deleted: asked once more, carried out by linkers, written down under the visitor's name."""

from __future__ import annotations

from typing import Final

import streamlit as st

from plait.common.forgetting import Deletion, Selection, ask, carried_out
from plait.common.queries.paging import Writer
from plait.dashboard import acting
from plait.dashboard.islands.element import island
from plait.dashboard.islands.render import render
from plait.dashboard.views.told import Told
from plait.dashboard.visitor import visitor

_PATIENCE_S: Final = 8.0
_ASKED: Final = "deleting"
_RED: Final = "<style>.st-key-delete button { background: #b3261e; border-color: #b3261e; color: #fff }</style>"
"""It does not look like what else can be done here."""


def show(told: Told) -> None:
    """Draw the question."""
    allowed = visitor().may_delete
    with st.container(border=True, key="deleting"):
        island(render("deleting.html", told=told, allowed=allowed), key="deleting_question")
        if allowed:
            st.html(_RED)
            count = told.conversation.request_count
            label = f"Delete {count} request{'s' if count != 1 else ''} for good"
            st.button(label, type="primary", key="delete", on_click=_answer, args=(str(told.wanted.id),))


def is_asked(told: Told) -> bool:
    """Whether the question was just answered with yes. It is carried out before anything of what goes is drawn."""
    return bool(st.session_state.pop(_ASKED, None) == str(told.wanted.id))


def carry_out(told: Told) -> None:
    """Have the conversation deleted, and draw what became of it."""
    about = {"id": str(told.wanted.id)}
    stands = acting.delete(about, _forget, Selection(conversation=told.wanted.id), f"key {visitor().grant.name}")
    island(render("deleted.html", told=told, stands=stands), key="deleted")


def _answer(conversation_id: str) -> None:
    st.session_state[_ASKED] = conversation_id


async def _forget(db: Writer, selection: Selection, asked_by: str) -> Deletion | None:
    """Ask, and wait a moment for the end."""
    return await carried_out(db, await ask(db, selection, asked_by), _PATIENCE_S)
