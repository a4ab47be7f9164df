"""Changes that pages ask for: who may, and what is written down before anything is done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Concatenate, Final, ParamSpec, TypeVar
from urllib.parse import urlencode

from plait.common.ids import new_exchange_id
from plait.common.queries.administration import note_action
from plait.common.queries.paging import Writer
from plait.dashboard.database import write
from plait.dashboard.visitor import NotAllowed, Visitor, visitor

P = ParamSpec("P")
T = TypeVar("T")

_PAGE: Final = "/conversation"
"""Where both are asked for."""


def delete(
    about: dict[str, str], action: Callable[Concatenate[Writer, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Run an action that deletes; `about` says in the audit what, as `plait audit` shows it.

    The action sees all domains: whatever it changes must have been read as the visitor (`database.read`) before.

    Raises:
        NotAllowed: the visitor is no administrator, or nobody may.
        DependencyDown: the database does not answer.
    """
    who = visitor()
    if not who.may_delete:
        raise NotAllowed("Only administrators delete, and nobody while DASHBOARD_READ_ONLY is set.")
    return _act(who, "DELETE", about, action, *args, **kwargs)


def ask(
    about: dict[str, str], action: Callable[Concatenate[Writer, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Run an action that asks for an analysis; `about` says in the audit for which.

    The action sees all domains: whatever it is about must have been read as the visitor (`database.read`) before.

    Raises:
        NotAllowed: nobody may.
        DependencyDown: the database does not answer.
    """
    who = visitor()
    if not who.may_ask:
        raise NotAllowed("Nobody asks for analyses while DASHBOARD_READ_ONLY is set.")
    return _act(who, "POST", about, action, *args, **kwargs)


def _act(
    who: Visitor,
    method: str,
    about: dict[str, str],
    action: Callable[Concatenate[Writer, P], Awaitable[T]],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    write(
        note_action,
        key_name=who.grant.name,
        method=method,
        path=_PAGE,
        query=urlencode(about),
        request_id=str(new_exchange_id()),
    )
    return write(action, *args, **kwargs)
