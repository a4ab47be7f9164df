"""Domains as people name them."""

from __future__ import annotations

from plait.common.errors import UserError
from plait.gateway.access.domains import DEFAULT, WILD, domain_named


def named(text: str) -> str:
    """The domain, or pattern of domains, that somebody names, in normal form.

    Raises:
        UserError: it is none.
    """
    if domain := domain_named(text):
        return domain
    raise UserError(f"{text} is no domain: it is a host's name, `{DEFAULT}`, or `{WILD}` and a name.")
