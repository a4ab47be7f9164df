"""What every answer tells the browser: load nothing from elsewhere, run only what is ours, be framed by nobody."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from plait.dashboard.front.addresses import over_https
from plait.dashboard.front.index import index

_INLINE_SCRIPT: Final = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL)
_DATA: Final = "/api/"
_DATA_POLICY: Final = "default-src 'none'; frame-ancestors 'none'; sandbox"
"""What is under /api/ was recorded, and is no page: whatever it holds, as a page it could do nothing."""


def content_policy() -> str:
    """The content security policy, with the hashes of the inline scripts in the index page.

    `blob:` is how Streamlit loads a component's script; `wasm-unsafe-eval` is for its own data decoder, and lets no
    text be run; `unsafe-inline` is for styles alone, which its controls write at run time.
    """
    hashes = " ".join(f"'sha256-{_sha256(script)}'" for script in _INLINE_SCRIPT.findall(index()))
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' blob: 'wasm-unsafe-eval' {hashes}".rstrip(),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "frame-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "object-src 'none'",
        )
    )


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


class SecurityHeaders:
    """ASGI middleware that sets the headers on every answer, refusals too.

    The referrer policy is `same-origin`: under `no-referrer` browsers send `Origin: null` with our own login form.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._headers = {
            "content-security-policy": content_policy(),
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
            "referrer-policy": "same-origin",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers to the answer's head."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self._headers)
                if scope["path"].startswith(_DATA):
                    headers["content-security-policy"] = _DATA_POLICY
                if over_https(scope.get("scheme", ""), Headers(scope=scope)):
                    headers["strict-transport-security"] = "max-age=31536000"
            await send(message)

        await self.app(scope, receive, send_with_headers)
