"""What the operator allows: who may come without a key, and whose credential may go to Claude."""

from __future__ import annotations

from dataclasses import dataclass

from plait.common.addresses import is_loopback
from plait.common.errors import UserError
from plait.gateway.access.credentials import Credential
from plait.gateway.access.directory import Directory
from plait.gateway.access.table import UNCONFIGURED, Table
from plait.gateway.settings import AccessSettings


@dataclass(frozen=True)
class Policy:
    """The settings that decide about admission."""

    is_private: bool
    """Only this machine reaches the gateway."""
    enable_client_auth: bool | None = None
    allow_open_gateway: bool = False
    pass_client_credentials: bool | None = None

    @classmethod
    def of(cls, settings: AccessSettings, host: str) -> Policy:
        """The policy that the settings say, for a gateway that listens on `host`."""
        return cls(
            is_private=is_loopback(host),
            enable_client_auth=settings.enable_client_auth,
            allow_open_gateway=settings.allow_open_gateway,
            pass_client_credentials=settings.pass_client_credentials,
        )

    @property
    def is_open(self) -> bool:
        """Whether others than this machine may come without a key, because the operator said so."""
        return not self.is_private and self.allow_open_gateway and not self.enable_client_auth

    def needs_key(self, credential: Credential) -> bool:
        """Whether a client of this domain has to show a key.

        What others than this machine reach is never open by an omission: there a domain without keys lets nobody in.
        """
        if not (self.is_private or self.allow_open_gateway):
            return True
        return bool(credential.keys) if self.enable_client_auth is None else self.enable_client_auth

    def passes_on(self, credential: Credential) -> bool:
        """Whether the clients' own credentials may go to Claude, where the domain has none."""
        if self.pass_client_credentials is None:
            return credential is UNCONFIGURED
        return self.pass_client_credentials

    def check(self, table: Table) -> None:
        """Refuse to start as an open gateway that nobody asked for.

        Raises:
            UserError: others than this machine would reach it, and no client key is asked for or known.
        """
        if self.is_private or self.allow_open_gateway or self.enable_client_auth:
            return
        if self.enable_client_auth is False or not table.has_keys:
            raise UserError(
                "The gateway would be reached from the network without a client key. Make one with"
                " `plait keys new DOMAIN`, or listen on 127.0.0.1, or set ALLOW_OPEN_GATEWAY=true to let everybody in."
            )


def checked(settings: AccessSettings, host: str) -> Policy:
    """The policy of a gateway that is about to listen on `host`. Blocks: it reads the credential files.

    Raises:
        UserError: the gateway would refuse to start.
    """
    policy = Policy.of(settings, host)
    policy.check(Directory(settings.credentials_dir).scan())
    return policy
