"""What `plait up` says, or refuses, when others than this machine can reach it."""

from __future__ import annotations

from typing import Final

from plait.cli import wrong_settings
from plait.cli.parts import part
from plait.cli.plan import Plan
from plait.gateway.access.policy import checked
from plait.gateway.settings import RelaySettings

_OPEN: Final = (
    "Warning: with --host {host} the gateway, the API and the dashboard are open to the network over plain HTTP:"
    " whoever can see the traffic reads it, its API keys, and the dashboard's key."
)
_KEYLESS: Final = (
    " And ALLOW_OPEN_GATEWAY is set: where a domain has no client keys, whoever reaches the gateway may use it."
)


def warning(plan: Plan) -> str:
    """The warning that the plan calls for; empty when only this machine reaches what listens.

    Raises:
        UserError: the gateway would let everybody in, and nobody has said that it may.
    """
    if not plan.options.is_open:
        return ""
    settings = wrong_settings.accepted(RelaySettings, plan.environment("gateway", part("gateway")))
    policy = checked(settings, settings.host)
    return _OPEN.format(host=plan.options.host) + (_KEYLESS if policy.is_open else "")
