"""The 401s of the gateway itself. Each names what is wrong; who shows no key learns of no domain whether it exists."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from plait.common.access.keys import Key
from plait.gateway.relay.refusals import Refusal

_HOW: Final = "Send the gateway's key as `Authorization: Bearer KEY` or `x-api-key: KEY`."


def without_key(domain: str, authorization: bytes | None, api_key: bytes | None, *, has_keys: bool) -> Refusal:
    """What was sent is no key of the domain. `has_keys`: it has some."""
    if not authorization and not api_key:
        return unauthorised("missing_key", f"No key was sent. {_HOW}")
    if authorization and not api_key and not is_bearer(authorization):
        return unauthorised("wrong_scheme", f"The Authorization header does not hold a Bearer token. {_HOW}")
    if not has_keys:
        return unauthorised("no_key_configured", f"No client key is configured for the domain {domain}.")
    return unauthorised("wrong_key", f"The key is none of the domain {domain}.")


def unusable(key: Key) -> Refusal:
    """It is the domain's key, and no longer good."""
    if key.disabled or key.expires is None:
        return unauthorised("disabled_key", f"The key `{key.name}` is disabled.")
    at = datetime.fromtimestamp(key.expires, UTC)
    return unauthorised("expired_key", f"The key `{key.name}` expired at {at:%Y-%m-%d %H:%M} UTC.")


def no_credential(domain: str) -> Refusal:
    """The domain has nothing to show to Claude."""
    return unauthorised(
        "no_credential", f"The domain {domain} has no credential for Claude, and a client's own is not passed on."
    )


def unauthorised(reason: str, message: str) -> Refusal:
    """A 401 that is counted under `reason`."""
    return Refusal(401, "authentication_error", message, reason, ((b"www-authenticate", b"Bearer"),))


def is_bearer(authorization: bytes) -> bool:
    """Whether the field's scheme is Bearer and something follows it."""
    scheme, _, token = authorization.partition(b" ")
    return scheme.lower() == b"bearer" and bool(token.strip())
