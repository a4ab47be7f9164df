"""What a credential file says (docs/credentials.md), checked as a whole: a file is good, or broken for one reason."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from plait.common.access.keys import SINGLE, Key, digest_of
from plait.common.errors import Broken

OAUTH_BETA: Final = b"oauth-2025-04-20"
_VISIBLE: Final = re.compile("[!-~]+")
"""What can stand in a header field as it is, and cannot be mistaken when read aloud from a file."""
_YEARS: Final = range(1970, 9999)
"""What can be told in any time zone."""
_LATEST_MS: Final = 253_370_764_800_000
_TYPES: Final = "`type` must be `api_key` or `oauth`"
_Moment = Annotated[datetime, Meta(tz=True)]


class OAuth(Struct, frozen=True, rename="camel"):
    """A login at Claude. `expires_at` in milliseconds of the unix epoch."""

    access_token: str
    expires_at: Annotated[float, Meta(ge=0, le=_LATEST_MS)]
    refresh_token: str | None = None


class ClientKey(Struct, frozen=True):
    """A client key as the file holds it."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    hash: str
    created: _Moment | None = None
    expires: _Moment | None = None
    disabled: bool = False


class CredentialFile(Struct, frozen=True, kw_only=True):
    """The fields of a credential file that the gateway reads; others belong to others and are let be."""

    type: str | None = None
    """`api_key` or `oauth`; None: the domain has no credential for Claude of its own."""
    account_id: str | None = msgspec.field(default=None, name="accountId")
    api_key: str | None = None
    oauth: OAuth | None = None
    client_api_key: str | None = None
    client_api_keys: list[ClientKey] = []


class Credential(Struct, frozen=True, kw_only=True):
    """One good credential file, ready for use."""

    path: Path
    account_id: str | None = None
    keys: tuple[Key, ...] = ()
    upstream: tuple[tuple[bytes, bytes], ...] = ()
    """Header fields that prove the domain to Claude; empty when it has no credential of its own."""
    beta: bytes | None = None
    expires_at: float | None = None
    """Unix seconds at which `upstream` ends to be valid, if it does."""
    renewable: bool = False
    """Whether there is a refresh token, so that it need not end."""

    def has_ended(self, now: float) -> bool:
        """Whether it is of no use to Claude any more, and cannot be renewed without a person."""
        return self.expires_at is not None and self.expires_at <= now and not self.renewable


def read(path: Path, raw: bytes) -> Credential:
    """The credential in the content of a file.

    Raises:
        Broken: it cannot be used; the message says why, without any secret.
    """
    try:
        file = msgspec.json.decode(raw, type=CredentialFile)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Broken(f"it is no credential file: {error}") from error
    keys = _keys(file)
    if file.type is None:
        if file.api_key is not None or file.oauth is not None:
            raise Broken(f"`type` is missing: {_TYPES}")
        return Credential(path=path, account_id=file.account_id, keys=keys)
    if file.type == "api_key":
        api_key = _visible(file.api_key, "api_key")
        return Credential(path=path, account_id=file.account_id, keys=keys, upstream=((b"x-api-key", api_key),))
    if file.type == "oauth":
        return _oauth(path, file, keys)
    raise Broken(_TYPES)


def _oauth(path: Path, file: CredentialFile, keys: tuple[Key, ...]) -> Credential:
    if file.oauth is None:
        raise Broken("`oauth` is missing")
    return Credential(
        path=path,
        account_id=file.account_id,
        keys=keys,
        upstream=((b"authorization", b"Bearer " + _visible(file.oauth.access_token, "oauth.accessToken")),),
        beta=OAUTH_BETA,
        expires_at=file.oauth.expires_at / 1000,
        renewable=bool(file.oauth.refresh_token),
    )


def _keys(file: CredentialFile) -> tuple[Key, ...]:
    keys = [_key(each) for each in file.client_api_keys]
    if file.client_api_key is not None:
        keys.append(Key(SINGLE, sha256(_visible(file.client_api_key, SINGLE)).digest()))
    for name, count in Counter(key.name for key in keys).items():
        if count > 1:
            raise Broken(f"two client keys are called `{name}`")
    if len({key.digest for key in keys}) < len(keys):
        raise Broken("a client key is listed twice, under two names")
    return tuple(keys)


def _key(given: ClientKey) -> Key:
    digest = digest_of(given.hash)
    if digest is None:
        raise Broken(f"`hash` of the client key `{given.name}` must be `sha256:` and 64 hex digits")
    if any(moment and moment.year not in _YEARS for moment in (given.created, given.expires)):
        raise Broken(f"`created` and `expires` of the client key `{given.name}` must be in the years 1970 to 9998")
    return Key(given.name, digest, given.expires.timestamp() if given.expires else None, given.disabled)


def _visible(text: str | None, name: str) -> bytes:
    if text is None:
        raise Broken(f"`{name}` is missing")
    if not _VISIBLE.fullmatch(text):
        raise Broken(f"`{name}` is empty, or holds white space or signs that no header can carry")
    return text.encode()
