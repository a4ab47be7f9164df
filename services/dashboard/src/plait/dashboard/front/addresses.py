"""Which addresses a login may lead on to, and whose requests are our own."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers

FRONT = "/"


def own_address(wanted: str) -> str:
    """`wanted` if it is a page of this dashboard, else the front page.

    Browsers read `\\` as `/` and drop tabs and line ends, so an address with any of those is not ours, nor is `//host`.
    """
    if not wanted.startswith("/") or wanted.startswith("//") or "\\" in wanted:
        return FRONT
    if any(ord(c) < 0x21 or 0x7F <= ord(c) < 0xA0 for c in wanted) or len(wanted) > 2000:
        return FRONT
    parts = urlsplit(wanted)
    outside = parts.scheme or parts.netloc or parts.path in {"/login", "/logout"}
    return FRONT if outside else wanted


def same_origin(headers: Headers) -> bool:
    """Whether the page that sent this came from the host that it was sent to."""
    origin = urlsplit(headers.get("origin", ""))
    return bool(origin.netloc) and origin.netloc.lower() == headers.get("host", "").lower()


def over_https(scheme: str, headers: Headers) -> bool:
    """Whether the browser came over https, to us or to a proxy that says so. Saying so falsely harms only oneself."""
    return scheme == "https" or headers.get("x-forwarded-proto", "").split(",")[0].strip() == "https"
