"""Secrets are replaced by a keyed fingerprint before anything is kept: equal secrets, equal marks.

The list of what is a secret is api.md's: some header names, and any header or query parameter whose name contains
`token`, `secret`, `password` or `api-key` (`api_key`).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from urllib.parse import unquote_plus

_NAMED = frozenset({"authorization", "x-api-key", "cookie", "set-cookie", "proxy-authorization"})
_LIKE = re.compile(r"token|secret|password|api[-_]?key", re.IGNORECASE)
_NOT_SECRET = re.compile(r"^anthropic-ratelimit-|^x-ratelimit-", re.IGNORECASE)
_SCHEME = re.compile(r"^(Bearer|Basic) +", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Whether a header or query parameter of this name holds a secret.

    The provider's `anthropic-ratelimit-tokens-*` headers count tokens of text; they are figures, not credentials.
    """
    low = name.lower()
    return low in _NAMED or (_LIKE.search(low) is not None and _NOT_SECRET.search(low) is None)


class Masker:
    """Replaces secrets by `masked:<16 hex digits>`, an HMAC-SHA256 under the installation's key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def fingerprint(self, secret: str) -> str:
        """The mark of a secret; an authorisation scheme is kept before it and not hashed."""
        scheme = _SCHEME.match(secret)
        head, rest = (scheme[1] + " ", secret[scheme.end() :]) if scheme else ("", secret)
        mark = hmac.new(self._key, rest.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()[:16]
        return f"{head}masked:{mark}"

    def headers(self, headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """The same fields in the same order, secret values masked."""
        return [(n, self.fingerprint(v) if is_secret(n) else v) for n, v in headers]

    def query(self, query: str) -> str:
        """The same query string with secret values masked; the rest byte for byte."""
        if not query:
            return query
        return "&".join(self._parameter(part) for part in query.split("&"))

    def _parameter(self, part: str) -> str:
        name, equals, value = part.partition("=")
        return f"{name}={self.fingerprint(value)}" if equals and value and is_secret(unquote_plus(name)) else part
