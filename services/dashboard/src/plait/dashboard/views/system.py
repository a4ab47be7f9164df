"""System."""

from __future__ import annotations

import streamlit as st

from plait.dashboard.views.shell import begin


def show() -> None:
    """Draw the page."""
    begin("System", here="/system")
    st.title("System", anchor=False)
