"""The two components that draw a tree: as a list, and as a map to pan and zoom."""

from __future__ import annotations

from typing import Any, Final

import streamlit as st

from plait.dashboard.islands.element import CSS, asset

_LIST: Final = st.components.v2.component(
    "plait_tree_list", html='<div class="island"></div>', css=CSS, js=asset("rows.js") + asset("list.js")
)
_MAP: Final = st.components.v2.component(
    "plait_tree_map", html='<div class="island"></div>', css=CSS, js=asset("rows.js") + asset("map.js")
)


def tree_list(data: dict[str, Any], key: str) -> None:
    """Draw what `drawing.draw` gave as a list."""
    _LIST(key=key, data=data)


def tree_map(data: dict[str, Any], key: str) -> None:
    """Draw what `drawing.draw` gave as a map."""
    _MAP(key=key, data=data)
