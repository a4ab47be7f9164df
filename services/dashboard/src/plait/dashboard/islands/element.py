"""The one component that every island is drawn with, and the scripts' way to draw one."""

from __future__ import annotations

from importlib import resources
from typing import Final

import streamlit as st
from markupsafe import Markup

_ASSETS: Final = resources.files("plait.dashboard.islands") / "assets"
_CSS: Final = "\n".join(
    (_ASSETS / name).read_text(encoding="utf-8")
    for name in ("base.css", "pages.css", "messages.css", "conversation.css")
)
_JS: Final = (_ASSETS / "island.js").read_text(encoding="utf-8")

_draw = st.components.v2.component("plait_island", html='<div class="island"></div>', css=_CSS, js=_JS)


def island(html: Markup, key: str) -> None:
    """Draw `html`, which `render` made, as one element of the page."""
    _draw(key=key, data={"html": str(html)})
