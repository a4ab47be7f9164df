"""The one component that every island is drawn with, and the scripts' way to draw one."""

from __future__ import annotations

from importlib import resources
from typing import Final

import streamlit as st
from markupsafe import Markup

_ASSETS: Final = resources.files("plait.dashboard.islands") / "assets"
_STYLES: Final = ("base.css", "lists.css", "conversation.css", "messages.css", "figures.css")
"""What all pages share, then what each area adds."""
CSS: Final = "\n".join((_ASSETS / name).read_text(encoding="utf-8") for name in _STYLES)


def asset(name: str) -> str:
    """A file beside the style sheets: the script of a component, or a part of one."""
    return (_ASSETS / name).read_text(encoding="utf-8")


_JS: Final = "".join(map(asset, ("island.js", "messages.js", "slices.js", "find.js")))
_draw = st.components.v2.component("plait_island", html='<div class="island"></div>', css=CSS, js=_JS)


def island(html: Markup, key: str) -> None:
    """Draw `html`, which `render` made, as one element of the page."""
    _draw(key=key, data={"html": str(html)})
