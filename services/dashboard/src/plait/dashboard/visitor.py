"""Who looks at a page: what their key opens, and what they may do beyond looking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from plait.common.access.grants import ADMIN, VIEWER, Grant
from plait.common.errors import PlaitError
from plait.dashboard.front.session import COOKIE


class LoggedOut(PlaitError):
    """The session has ended while the page was open."""


class NotAllowed(PlaitError):
    """The visitor may look at this, but not change it."""


@dataclass(frozen=True)
class Visitor:
    """Somebody with a session."""

    grant: Grant
    read_only: bool = False
    """DASHBOARD_READ_ONLY: nobody changes anything here, whatever their key would allow."""

    @property
    def name(self) -> str:
        """What to call them: the name of their key; of the two keys of the settings, what these are for."""
        return {VIEWER: "dashboard key", ADMIN: "admin key"}.get(self.grant.name, self.grant.name)

    @property
    def domains(self) -> frozenset[str] | None:
        """The domains that they see; None: all."""
        return self.grant.domains

    @property
    def may_delete(self) -> bool:
        """Whether they may have recorded exchanges deleted."""
        return self.grant.is_admin and not self.read_only

    @property
    def may_ask(self) -> bool:
        """Whether they may ask for analyses."""
        return not self.read_only


Known = Callable[[str], Visitor | None]
"""Whose session a cookie's value stands for."""

_known: Known | None = None


def attach(known: Known | None) -> None:
    """How visitors of this process are known; None when it ends, and then nobody is."""
    global _known
    _known = known


def visitor() -> Visitor:
    """Whoever looks at the page that is being made.

    Raises:
        LoggedOut: their session has ended.
    """
    found = _known(st.context.cookies.get(COOKIE, "")) if _known else None
    if found is None:
        raise LoggedOut("The session has ended.")
    return found
