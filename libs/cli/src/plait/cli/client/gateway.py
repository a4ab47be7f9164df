"""Which gateway a client is to use: its address, the domain of what it sends there, and whether that needs a key."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from plait.cli import domains
from plait.cli.program import LOOPBACK
from plait.common.access import keys
from plait.common.access.domains import DEFAULT, WILD, domain_named
from plait.common.addresses import is_loopback
from plait.common.errors import UserError
from plait.gateway.access.credentials import Credential
from plait.gateway.access.directory import Directory

PLACEHOLDER: Final = "YOUR_KEY"
_ANY: Final = "unused"
"""Claude Code does not start without a key, even where the gateway asks for none and puts its own in its place."""


@dataclass(frozen=True)
class Gateway:
    """A gateway as the clients of one domain see it."""

    url: str
    domain: str
    source: str
    """The domain or pattern whose file is in force for it."""
    credential: Credential

    @property
    def has_keys(self) -> bool:
        """Whether the domain has client keys."""
        return bool(self.credential.keys)

    @property
    def key(self) -> str | None:
        """What stands for the key as long as none is given; None where the client's own key or login goes to Claude.

        From the network nobody comes in without one, even before the first is made.
        """
        if self.has_keys:
            return PLACEHOLDER
        if not self.credential.upstream:
            return None
        return _ANY if is_loopback(urlsplit(self.url).hostname or "") else PLACEHOLDER


def find(credentials: Path, *, domain: str | None, url: str | None, usual: str) -> Gateway:
    """The gateway at `url`, or that of `domain`, or at the address `usual`. Blocks: it reads the folder `credentials`.

    Raises:
        UserError: no client can send requests of this domain, or the gateway would not know them.
    """
    wanted = domains.named(domain) if domain else domain_at(url or usual)
    address = (url or (address_of(wanted, usual) if domain else usual)).rstrip("/")
    directory = Directory(credentials)
    table = directory.scan()
    credential = table.find(wanted)
    if credential is None:
        known = ", ".join(sorted(file.domain for file in directory.files.values() if file.domain))
        raise UserError(f"No good credential file is for {wanted}: {credentials} knows {known}. Name one of them.")
    if table.find(domain_at(address)) is not credential:
        raise UserError(f"Requests to {address} are not of {wanted}: clients have to reach the gateway by that name.")
    return Gateway(address, wanted, table.source(wanted) or wanted, credential)


def check_key(found: Gateway, secret: str, now: float) -> None:
    """Do nothing if this key lets a client in at this time, in unix seconds.

    Raises:
        UserError: it is none of the domain's keys, or no longer good.
    """
    key = keys.find(found.credential.keys, secret.encode(errors="surrogateescape"))
    if key is None:
        raise UserError(f"The key is none of {found.source}: `plait keys list {shlex.quote(found.domain)}` names them.")
    if not key.is_good(now):
        raise UserError(f"The key `{key.name}` of {found.source} is disabled or has expired: give another.")


def address_of(domain: str, usual: str) -> str:
    """Base address by which clients reach a domain, where `usual` is the gateway's address on this machine.

    A name is taken to be behind TLS, as it has to be on a network; what can only be this machine is spoken to directly.

    Raises:
        UserError: no client can send it as its Host.
    """
    if domain == DEFAULT:
        return usual
    if domain.startswith(WILD):
        raise UserError(f"{domain} stands for many: name one host below {domain.removeprefix(WILD)}.")
    name, port = (domain, "") if domain.endswith("]") else (domain.partition(":")[0], domain.partition(":")[2])
    is_address = name == "localhost" or name.startswith("[") or name.replace(".", "").isdigit()
    if not is_address:
        return f"https://{domain}"
    return f"http://{name}:{port or urlsplit(usual).port or 80}"


def domain_at(url: str) -> str:
    """The domain of what is sent to this base address.

    Raises:
        UserError: it is no base address.
    """
    parts = urlsplit(url)
    if parts.scheme in ("http", "https") and (domain := domain_named(parts.netloc)) and domain[0] not in "_*":
        return domain
    raise UserError(f"{url} is no base address of a gateway: it is like http://{LOOPBACK}:3000.")
