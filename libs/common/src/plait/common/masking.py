"""Secrets are replaced by a keyed fingerprint before anything is kept: equal secrets, equal marks.

The list of what is a secret is api.md's: some header names, and any header or query parameter whose name contains
`token`, `secret`, `password` or `api-key` (`api_key`); beyond it, names with `authorization`, `cookie` or `credential`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_plus

_SECRET: Final = re.compile(r"token|secret|password|api[-_]?key|authorization|cookie|credential", re.IGNORECASE)
_FIGURES: Final = re.compile(r"anthropic-ratelimit-|x-ratelimit-", re.IGNORECASE)
_SCHEME: Final = re.compile(rb"(?:Bearer|Basic) +", re.IGNORECASE)
_MOST_REMEMBERED: Final = 256
"""Few, because a hostile one may have 64 KB; more than clients have at a time."""
_SHORTEST: Final = 8
"""Bytes below which the value of a secret field may well stand elsewhere by chance."""


def is_secret(name: str) -> bool:
    """Whether a header or query parameter of this name holds a secret.

    The provider's `anthropic-ratelimit-tokens-*` headers count tokens of text; they are figures, not credentials.
    """
    return _SECRET.search(name) is not None and _FIGURES.match(name) is None


@lru_cache(_MOST_REMEMBERED)
def holds_secret(name: bytes) -> bool:
    """`is_secret` for a header's name as it stands on the wire; every call brings the same few names."""
    return is_secret(name.decode("latin-1"))


def _scheme_length(secret: bytes) -> int:
    scheme = _SCHEME.match(secret)
    return scheme.end() if scheme else 0


def without_scheme(value: bytes) -> bytes:
    """The secret in a field's value: what stands behind an authorisation scheme, if there is one."""
    return value[_scheme_length(value) :]


class Masker:
    """Replaces secrets by `masked:<16 hex digits>`, an HMAC-SHA256 under the installation's key."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.mark = lru_cache(_MOST_REMEMBERED)(self._mark)
        """The mark of a secret; an authorisation scheme is kept before it and not hashed."""

    def _mark(self, secret: bytes) -> bytes:
        start = _scheme_length(secret)
        digest = hmac.new(self._key, secret[start:], hashlib.sha256).hexdigest()
        return b"%bmasked:%b" % (secret[:start], digest[:16].encode())

    def fields(
        self, fields: Iterable[tuple[bytes, bytes]], known: list[bytes] | None = None
    ) -> list[tuple[bytes, bytes]]:
        """The same header fields in the same order, secret values masked, wherever else they stand as well.

        `known`: secrets that came up before in the same exchange; those that are found here are added.
        """
        masked: list[tuple[bytes, bytes]] = []
        secrets = [] if known is None else known
        for field in fields:
            name, value = field
            if holds_secret(name):
                secrets.append(without_scheme(value))
                masked.append((name, self.mark(value)))
            else:
                masked.append(field)
        return self._everywhere(masked, secrets) if secrets else masked

    def _everywhere(self, fields: list[tuple[bytes, bytes]], secrets: list[bytes]) -> list[tuple[bytes, bytes]]:
        """The fields without what is known to be secret: people, and servers, pass keys on under any name."""
        values = b"\n".join([value for _, value in fields])
        for secret in secrets:
            if len(secret) >= _SHORTEST and secret in values:
                fields = [(name, value.replace(secret, self.mark(secret))) for name, value in fields]
        return fields

    def query(self, query: str, known: Iterable[bytes] = ()) -> str:
        """The same query string with secret values masked, `known` ones wherever they stand; the rest byte for byte."""
        if not query:
            return query
        masked = "&".join(self._parameter(part) for part in query.split("&"))
        for secret in known:
            if len(secret) >= _SHORTEST:
                masked = masked.replace(secret.decode("latin-1"), self.mark(secret).decode("latin-1"))
        return masked

    def _parameter(self, part: str) -> str:
        name, equals, value = part.partition("=")
        if not (equals and value and is_secret(unquote_plus(name))):
            return part
        return f"{name}={self.mark(value.encode('utf-8', 'surrogateescape')).decode('latin-1')}"
