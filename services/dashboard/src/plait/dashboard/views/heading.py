"""The head of a page that is a list: its title, and beside it how much is new."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


def heading(title: str) -> DeltaGenerator:
    """Draw the title; the place beside it is for `plait.dashboard.islands.live.live`."""
    head = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="heading")
    head.title(title, anchor=False, width="content")
    return head
