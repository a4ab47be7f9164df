"""Settings."""

from __future__ import annotations

import streamlit as st

from plait.dashboard.views.shell import begin


def show() -> None:
    """Draw the page."""
    begin("Settings", here="/settings")
    st.title("Settings", anchor=False)
