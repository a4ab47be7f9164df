"""What notices are told of, as events say it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from plait.common.events import AnalysisData, ResponseData
from plait.common.limits import Told, Window, told
from plait.notifier.settings import Kind

LEVELS: Final = (80, 95, 100)
"""Percents of a limit that are told; the last: it is reached."""
PASSING: Final = ("count_tokens", "models", "probe", "quota")
"""Kinds of exchanges: questions that clients ask beside their work, and take a refusal of as an answer."""
_TROUBLE: Final = ("failed", "interrupted", "rejected")
_UNAUTHORISED: Final = 401
_REJECTED: Final = "rejected"
_CURE: Final = "plait login"
"""Stands in the gateway's refusals where nothing else helps (docs/credentials.md)."""
_LONGEST_TYPE: Final = 100


class Matter(Struct, frozen=True, kw_only=True):
    """Something to be told, once for each key and way out."""

    kind: Kind
    key: str
    domain: str
    at: datetime
    subject: dict[str, Any]
    """Ids and figures, as JSON values; no content."""
    same: tuple[str, ...] = ()
    """Other keys of the same matter."""
    lesser: tuple[str, ...] = ()
    """Keys of matters that need not be told any more."""


class Trouble(Struct, frozen=True, kw_only=True):
    """An exchange that went wrong."""

    exchange_id: UUID
    domain: str
    at: datetime
    type: str
    """Claude's error type, or ours."""
    is_unauthorised: bool
    """The credential was refused, Claude's side or ours."""

    def matter(self) -> Matter:
        """As an error."""
        subject = {"exchange": str(self.exchange_id)}
        return Matter(kind="error", key=f"error/{self.exchange_id}", domain=self.domain, at=self.at, subject=subject)


def trouble_of(answer: ResponseData) -> Trouble | None:
    """What went wrong in an exchange, if anything did: a client that left is no trouble."""
    if answer.outcome not in _TROUBLE:
        return None
    kind = answer.error.type if answer.error else answer.outcome
    return Trouble(
        exchange_id=answer.exchange_id,
        domain=answer.domain,
        at=answer.ended_at,
        type=kind.replace("\0", "")[:_LONGEST_TYPE],
        is_unauthorised=answer.status == _UNAUTHORISED and kind == "authentication_error" and not _will_pass(answer),
    )


def _will_pass(answer: ResponseData) -> bool:
    """Whether the gateway refused it for want of a token that it is still trying to renew: no person needs to."""
    return answer.outcome == "rejected" and answer.error is not None and _CURE not in answer.error.message


def limits_of(answer: ResponseData) -> list[Matter]:
    """The limits that an answer says are near or reached: of each window the highest level."""
    found = told(answer)
    return list(_limits(found, answer)) if found else []


def _limits(found: Told, answer: ResponseData) -> Iterator[Matter]:
    for window in found.windows:
        reached = [level for level in LEVELS if _used(window, found) * 100 >= level]
        if reached:
            yield _limit(window, found.whose.name, reached, answer)


def _used(window: Window, found: Told) -> Decimal:
    """Share of a window that is used; a refusal because of it means all of it."""
    refused = found.warned and found.warned.status == _REJECTED and found.warned.claim == window.claim
    if refused or window.status == _REJECTED:
        return Decimal(1)
    return window.utilization or Decimal()


def _limit(window: Window, whose: str, reached: list[int], answer: ResponseData) -> Matter:
    name = f"limit/{whose}/{window.claim}/{window.ends_at.isoformat()}"
    return Matter(
        kind="limit",
        key=f"{name}/{reached[-1]}",
        domain=answer.domain,
        at=answer.ended_at,
        subject={
            "account": answer.account_id,
            "window": window.claim,
            "endsAt": window.ends_at.isoformat(),
            "level": reached[-1],
            "used": None if window.utilization is None else str(window.utilization),
        },
        lesser=tuple(f"{name}/{level}" for level in reached[:-1]),
    )


def turn_of(exchange_id: UUID, first_id: UUID, domain: str, at: datetime) -> Matter:
    """The turn that an exchange ended. Its first exchange names it; its last one, too, should another come to be the
    first when links heal."""
    subject = {"exchange": str(exchange_id)}
    same = (f"turn/{exchange_id}",) if exchange_id != first_id else ()
    return Matter(kind="turn", key=f"turn/{first_id}", domain=domain, at=at, subject=subject, same=same)


def analysis_of(data: AnalysisData, at: datetime) -> Matter | None:
    """An analysis that is done."""
    if data.status != "completed":
        return None
    subject = {"conversation": str(data.conversation_id), "branch": data.branch_id}
    key = f"analysis/{data.analysis_id}/{data.run}"
    return Matter(kind="analysis", key=key, domain=data.domain, at=at, subject=subject)


def first_of_each(troubles: Iterable[Trouble]) -> dict[tuple[str, str], Trouble]:
    """The earliest of each domain and type."""
    found: dict[tuple[str, str], Trouble] = {}
    for one in sorted(troubles, key=lambda trouble: trouble.at):
        found.setdefault((one.domain, one.type), one)
    return found
