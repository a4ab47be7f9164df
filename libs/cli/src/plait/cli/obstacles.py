"""Why nobody gets through a domain whose credential file is good."""

from __future__ import annotations

import shlex

from plait.cli.program import LOOPBACK
from plait.gateway.access.credentials import Credential
from plait.gateway.access.directory import File
from plait.gateway.access.policy import Policy
from plait.gateway.settings import AccessSettings


def is_shut(file: File, now: float) -> bool:
    """Whether nobody gets through what the file is for, at this time in unix seconds."""
    found = file.credential
    if file.problem or found is None or file.domain is None:
        return True
    return found.has_ended(now) or bool(of_credential(found, file.domain, now))


def of_credential(credential: Credential, source: str, now: float) -> str:
    """What is in everybody's way by the settings of this environment, and its repair; empty when nothing is.

    Whether the gateway is reached from the network is not known here: a domain without any key is taken for a private
    one. `source`: the domain or pattern whose file it is; `now`: unix seconds.
    """
    policy = Policy.of(AccessSettings(), LOOPBACK)
    name = shlex.quote(source)
    if policy.needs_key(credential) and not any(key.is_good(now) for key in credential.keys):
        return f"no client key is good: `plait keys new {name}` makes one"
    if not credential.upstream and not policy.passes_on(credential):
        return (
            f"no credential for Claude: `plait login {name}`, an API key in the file, or PASS_CLIENT_CREDENTIALS=true"
        )
    return ""
