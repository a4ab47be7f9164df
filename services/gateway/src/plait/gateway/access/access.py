"""Admits a request, or says why not. Everything that takes time happened before: the table is in memory."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import structlog
from msgspec import Struct
from msgspec.structs import replace

from plait.common.access.domains import domain_of
from plait.common.access.keys import Key, find
from plait.gateway.access import refused
from plait.gateway.access.credentials import Credential
from plait.gateway.access.directory import Directory
from plait.gateway.access.policy import Policy
from plait.gateway.access.reporting import Reporter
from plait.gateway.relay.refusals import bad_host

STALE_SECONDS: Final = 60
"""An OAuth token is refreshed this long before it expires."""
SCAN_SECONDS: Final = 0.4
"""Pause between two looks at the folder: a change is in force within a second."""

_BOTH: Final = frozenset({b"authorization", b"x-api-key"})
_FIELDS: Final = {
    (False, False): frozenset[bytes](),
    (True, False): frozenset({b"authorization"}),
    (False, True): frozenset({b"x-api-key"}),
    (True, True): _BOTH,
}
_BEARER: Final = re.compile(rb"(?i:bearer) +([!-~]+)")
_SHORTEST: Final = 8
"""Bytes from which on a key is looked for in all fields of its request."""
_log = structlog.get_logger(__name__)


class Admission(Struct, frozen=True, gc=False):
    """Who may go on, and as whom."""

    domain: str
    """In normal form."""
    account_id: str | None = None
    """Of the domain's credential."""
    key_name: str | None = None
    """Which of the domain's client keys was shown."""
    drop: frozenset[bytes] = frozenset()
    """Lower-case names of request fields that must not go to Claude."""
    add: tuple[tuple[bytes, bytes], ...] = ()
    """Fields that go to Claude instead: the domain's credential."""
    beta: bytes | None = None
    """To be merged into `anthropic-beta`; None: that field is let be."""
    stale: bool = False
    """The credential's token has to be refreshed first: see `Access.fresh`."""
    hide: tuple[bytes, ...] = ()
    """Client keys that were shown: no field that holds one goes to Claude, whatever its name."""


class Shown(NamedTuple):
    """The keys of a domain that a request shows."""

    good: Key | None
    """The one that lets it in."""
    known: Key | None
    """One that is the domain's, good or not."""
    fields: frozenset[bytes]
    """Where such keys stand: Claude must not see them, even when they are no longer good."""
    secrets: tuple[bytes, ...]
    """Those keys, but for any so short that its letters may stand elsewhere by chance."""


_NO_KEY: Final = Shown(None, None, frozenset(), ())


class Refresher(Protocol):
    """Renews logins at Claude."""

    async def refresh(self, path: Path) -> None:
        """Bring the OAuth token in this credential file up to date; returns when the file holds a good one.

        Raises:
            Refusal: it cannot be refreshed; the message says how to log in again.
        """
        ...


class Access:
    """Decides about every request by the table of credential files."""

    def __init__(
        self,
        directory: Directory,
        policy: Policy,
        refresher: Refresher,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Reads the folder once, so it may block.

        Raises:
            UserError: the gateway would be open to the network, and no setting says that it may.
        """
        self._directory = directory
        self._policy = policy
        self._refresher = refresher
        self._clock = clock
        self._reporter = Reporter()
        self._looking = asyncio.Lock()
        self._table = directory.scan()
        self._reporter.begin(directory)
        policy.check(self._table)
        if policy.is_open:
            _log.warning("whoever reaches the gateway is let in without a key: ALLOW_OPEN_GATEWAY is set")

    def admit(self, host: bytes | None, authorization: bytes | None, api_key: bytes | None) -> Admission:
        """Who a request with these fields is. A few microseconds, no input or output.

        Raises:
            Refusal: 400 without a good Host; 401 with what is wrong about the key.
        """
        domain = domain_of(host) if host is not None else None
        if domain is None:
            raise bad_host()
        credential = self._table.find(domain)
        if credential is None:
            raise refused.without_key(domain, authorization, api_key, has_keys=False)
        shown = self._shown(credential.keys, authorization, api_key) if credential.keys else _NO_KEY
        if shown.good is None and self._policy.needs_key(credential):
            if shown.known is not None:
                raise refused.unusable(shown.known)
            raise refused.without_key(domain, authorization, api_key, has_keys=bool(credential.keys))
        return self._admission(domain, credential, shown)

    async def fresh(self, admission: Admission) -> Admission:
        """The admission with a token that is still good for a while.

        Raises:
            Refusal: 401, the login has ended.
        """
        credential = self._table.find(admission.domain)
        if not admission.stale or credential is None:
            return admission
        await self._refresher.refresh(credential.path)
        await self._look()
        renewed = self._table.find(admission.domain) or credential
        return replace(admission, add=renewed.upstream, stale=False)

    @property
    def trouble(self) -> str:
        """What an operator has to look at; empty when all is well. Names no domain: anybody may read it."""
        if self._directory.fault:
            return "the folder of credentials cannot be read: what was read before holds on"
        now, files = self._clock(), self._directory.files.values()
        ended = sum(1 for file in files if file.credential and file.credential.has_ended(now))
        broken = sum(1 for file in files if file.problem)
        said = [f"{broken} of {len(files)} credential files cannot be used"] if broken else []
        said += [f"{ended} of {len(files)} logins at Claude have ended"] if ended else []
        return f"{' and '.join(said)}: `plait credentials` says which" if said else ""

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Take over what changes in the folder for the length of the block."""
        watch = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watch.cancel()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(SCAN_SECONDS)
            try:
                await self._look()
            except Exception:  # whatever a file does to us, the next change has to be seen
                _log.exception("the credential files could not be looked at")

    async def _look(self) -> None:
        async with self._looking:  # of two looks at once the older might be taken over last
            self._table = await asyncio.to_thread(self._directory.scan)
            self._reporter.tell(self._directory)

    def _shown(self, keys: tuple[Key, ...], authorization: bytes | None, api_key: bytes | None) -> Shown:
        bearer = _BEARER.fullmatch(authorization) if authorization else None
        by_bearer = find(keys, bearer[1]) if bearer else None
        by_field = find(keys, api_key) if api_key else None
        now = self._clock()
        good = by_bearer if by_bearer and by_bearer.is_good(now) else by_field
        if good is not None and not good.is_good(now):
            good = None
        shown = [bearer[1]] if bearer and by_bearer else []
        shown += [api_key] if api_key and by_field else []
        secrets = tuple(secret for secret in shown if len(secret) >= _SHORTEST)
        return Shown(good, by_bearer or by_field, _FIELDS[by_bearer is not None, by_field is not None], secrets)

    def _admission(self, domain: str, credential: Credential, shown: Shown) -> Admission:
        name = shown.good.name if shown.good else None
        if credential.upstream:
            ends = credential.expires_at
            stale = ends is not None and ends - self._clock() < STALE_SECONDS
            own = (credential.upstream, credential.beta, stale)
            return Admission(domain, credential.account_id, name, _BOTH, *own, shown.secrets)
        if not self._policy.passes_on(credential):
            raise refused.no_credential(domain)
        return Admission(domain, credential.account_id, name, shown.fields, hide=shown.secrets)
