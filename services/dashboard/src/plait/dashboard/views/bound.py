"""Controls whose values stand in the page's address, so that Back, reload and a shared link keep them.

The address is the truth: a control takes its value from there whenever that says something new, and writes there what
its reader changes. Streamlit's own binding would drop, when one page leads to another, every parameter that a control
of the page left was bound to: a link from one list to `/search?q=…` would lose its words.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import streamlit as st


def bound(
    path: str, name: str, value_of: Callable[[str], Any], text_of: Callable[[Any], str], *, drops: Collection[str] = ()
) -> dict[str, Any]:
    """What a control is to be drawn with to stand in the address of the page `path` under a name.

    `value_of` makes the control's value of the address's text, empty where it says nothing, and `text_of` the text of
    the value. Parameters of `drops` go when the reader changes it: what they say is of the page as it was.
    """
    asked = st.query_params.get(name, "")
    if name not in st.session_state or st.session_state.get(_told(name)) != (path, asked):
        st.session_state[name] = value_of(asked)
        st.session_state[_told(name)] = (path, asked)
    return {"key": name, "on_change": _changed, "args": (path, name, text_of, drops)}


def _changed(path: str, name: str, text_of: Callable[[Any], str], drops: Collection[str]) -> None:
    text = text_of(st.session_state[name])
    st.session_state[_told(name)] = (path, text)
    kept = {other: value for other, value in st.query_params.to_dict().items() if other != name and other not in drops}
    st.query_params.from_dict(kept | ({name: text} if text else {}))


def _told(name: str) -> str:
    """Key of what the address said when the control was last given its value."""
    return f"{name} as the address had it"
