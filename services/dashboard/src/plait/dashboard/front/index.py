"""The page that Streamlit's client runs in, as it came with the Streamlit at hand, and two lines of ours."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

import streamlit

_MOUNTED: Final = "window.__streamlit = { BACKEND_BASE_URL: location.origin };"
"""Where the application is. Untold, the client looks for it below each page first: two 404s for every deep link."""

_ENDED: Final = (
    "new PerformanceObserver((seen) => seen.getEntries().some("
    "(one) => one.responseStatus === 401 && one.name.includes('/_stcore/')) && location.reload())"
    ".observe({ type: 'resource', buffered: true });"
)
"""A session that ended before the page could listen for its end: the client, which knows no log-in, would only say that
its connection failed. Asked for anew, the page is the log-in."""


@cache
def index() -> str:
    """The HTML that every page begins with. Its own script runs before the client's, which is a module."""
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    return page.replace("<head>", f"<head><script>{_MOUNTED}{_ENDED}</script>", 1)
