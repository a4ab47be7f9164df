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


def show(told: Told) -> bool:
    """Draw the question, and what became of it; whether it was asked for, and there is nothing more to draw."""
    allowed = visitor().may_delete
    with st.container(border=True, key="deleting"):
        island(render("deleting.html", told=told, allowed=allowed), key="deleting_question")
        count = told.conversation.request_count
        label = f"Delete {count} request{'s' if count != 1 else ''} for good"
        if not (allowed and st.button(label, type="primary", key="delete")):
            return False
    about = {"id": str(told.wanted.id)}
    stands = acting.delete(about, _forget, Selection(conversation=told.wanted.id), f"key {visitor().grant.name}")
    island(render("deleted.html", told=told, stands=stands), key="deleted")
    return True


async def _forget(db: Writer, selection: Selection, asked_by: str) -> Deletion | None:
    """Ask, and wait a moment for the end."""
    return await carried_out(db, await ask(db, selection, asked_by), _PATIENCE_S)
