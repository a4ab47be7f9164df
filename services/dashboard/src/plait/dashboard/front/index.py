"""The page that Streamlit's client runs in, as it came with the Streamlit at hand, and one line of ours."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

import streamlit

_MOUNTED: Final = "<script>window.__streamlit = { BACKEND_BASE_URL: location.origin }</script>"
"""Where the application is. Untold, the client looks for it below each page first: two 404s for every deep link."""


@cache
def index() -> str:
    """The HTML that every page begins with. Its own script runs before the client's, which is a module."""
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    return page.replace("<head>", f"<head>{_MOUNTED}", 1)
