"""How fast accounts use tokens: step by step, and over a window that slides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate, groupby
from operator import attrgetter
from typing import Final

from msgspec import Struct

from plait.common.buckets import SLOT
from plait.common.queries.accounts import Account, list_warnings
from plait.common.queries.named import statements
from plait.common.queries.paging import Reader

_SQL: Final = statements("pace")
_ORIGIN: Final = datetime(2000, 1, 1, tzinfo=UTC)
_COUNTED: Final = ("requests", "input_tokens", "output_tokens", "total_tokens")
LimitOf = Callable[[str | None], int | None]
"""Output tokens that an account may use in five hours; None: unknown."""
ACTIVITY: Final = timedelta(hours=5)
"""How far back accounts are looked at, and their small series goes."""


class Step(Struct, frozen=True, kw_only=True, rename="camel"):
    """What was used from one moment to the next."""

    time: datetime
    """When it begins."""
    requests: int = 0
    """Those that reported usage."""
    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    """Cache reads and writes included."""


class Pace(Struct, frozen=True, kw_only=True, rename="camel"):
    """Output tokens of a step, and all of the window up to its end."""

    time: datetime
    output_tokens: int
    cumulative_usage: int
    remaining: int | None
    """Null: no limit is known."""
    percentage_used: float | None


class WindowPoint(Struct, frozen=True, kw_only=True, rename="camel"):
    """What was used in the window that ends with a step."""

    time: datetime
    """When the step begins."""
    requests: int
    input_tokens: int
    output_tokens: int
    total_tokens: int
    limit_warning: bool
    """Whether an answer of the step warned of a limit, or was refused because of one."""


class DomainShare(Struct, frozen=True, kw_only=True, rename="camel"):
    """What an account used in one domain."""

    domain: str
    output_tokens: int
    requests: int


class MiniPoint(Struct, frozen=True, kw_only=True, rename="camel"):
    """A quarter of an hour of an account."""

    time: datetime
    output_tokens: int
    remaining: int | None


class AccountPace(Struct, frozen=True, kw_only=True, rename="camel"):
    """What an account used in the last five hours."""

    account_id: str | None
    """Null: of requests whose account is not known, for clients' own keys are passed through."""
    output_tokens: int
    input_tokens: int
    request_count: int
    last_request_time: datetime | None
    """Null: it used what it asked for earlier."""
    remaining_tokens: int | None
    percentage_used: float | None
    domains: list[DomainShare]
    """The most output first."""
    mini_series: list[MiniPoint]


class _Share(Struct, frozen=True):
    """A row of `accounts`."""

    account_id: str | None
    domain: str
    step: int
    requests: int
    input_tokens: int
    output_tokens: int
    last_time: datetime | None


def steps(now: datetime, length: timedelta, interval: timedelta) -> list[datetime]:
    """When the steps begin that make up the time `length` up to now; each at a whole multiple of its interval."""
    last = now - (now - _ORIGIN) % interval
    count = max(1, -(-length // interval))
    return [last - number * interval for number in reversed(range(count))]


async def list_steps(
    db: Reader, begins: Sequence[datetime], *, account_id: str | None = None, domain: str | None = None
) -> list[Step]:
    """What was used in each step, those without any too; the last one has no end."""
    whole = all((begin - _ORIGIN) % SLOT == timedelta() for begin in begins)
    values = {"since": begins[0], "starts": list(begins), "account": account_id, "domain": domain}
    sql, arguments = _SQL["slots" if whole else "series"].bind(values)
    found = {row["step"]: dict(row) for row in await db.fetch(sql, *arguments)}
    figures = [found.get(number, {}) for number in range(1, len(begins) + 1)]
    return [
        Step(time=begin, **{name: figure[name] for name in figure if name != "step"})
        for begin, figure in zip(begins, figures, strict=True)
    ]


def paces(found: Sequence[Step], limit: int | None) -> list[Pace]:
    """Steps added up, against a limit of output tokens if one is known."""
    sums = accumulate(step.output_tokens for step in found)
    return [
        Pace(
            time=step.time,
            output_tokens=step.output_tokens,
            cumulative_usage=used,
            remaining=remaining(used, limit),
            percentage_used=percentage(used, limit),
        )
        for step, used in zip(found, sums, strict=True)
    ]


async def sliding_window(
    db: Reader,
    now: datetime,
    *,
    length: timedelta,
    window: timedelta,
    interval: timedelta,
    account_id: str | None = None,
    domain: str | None = None,
) -> list[WindowPoint]:
    """Sums over the time `window` up to the end of each step; the steps make up the time `length` up to now."""
    begins = steps(now, length + window, interval)
    found = await list_steps(db, begins, account_id=account_id, domain=domain)
    warned = await list_warnings(db, begins[0], account_id=account_id, domain=domain)
    marked = {at - (at - _ORIGIN) % interval for at in (warning.seen_at for warning in warned)}
    width, shown = max(1, round(window / interval)), len(steps(now, length, interval))
    return slide(found, width, marked)[-shown:]


def slide(found: Sequence[Step], width: int, marked: Collection[datetime]) -> list[WindowPoint]:
    """For each step the sums of the `width` steps that end with it; `marked`: the steps with a warning."""
    sums = {name: [0, *accumulate(getattr(step, name) for step in found)] for name in _COUNTED}
    return [
        WindowPoint(
            time=step.time,
            limit_warning=step.time in marked,
            **{name: whole[end] - whole[max(0, end - width)] for name, whole in sums.items()},
        )
        for end, step in enumerate(found, 1)
    ]


async def list_accounts(db: Reader, now: datetime, limit_of: LimitOf) -> list[AccountPace]:
    """The accounts that were used in the last five hours, the most output first."""
    begins = steps(now, ACTIVITY, SLOT)
    sql, arguments = _SQL["accounts"].bind({"since": begins[0], "starts": begins})
    shares = [_Share(**row) for row in await db.fetch(sql, *arguments)]
    found = [
        _account(account, list(own), begins, limit_of(account))
        for account, own in groupby(shares, key=attrgetter("account_id"))
    ]
    return sorted(found, key=lambda one: (-one.output_tokens, one.account_id or ""))


def _account(
    account_id: str | None, shares: Sequence[_Share], begins: Sequence[datetime], limit: int | None
) -> AccountPace:
    output = sum(share.output_tokens for share in shares)
    by_step = Counter[int]()
    for share in shares:
        by_step[share.step] += share.output_tokens
    sums = accumulate(by_step[number] for number in range(1, len(begins) + 1))
    return AccountPace(
        account_id=account_id,
        output_tokens=output,
        input_tokens=sum(share.input_tokens for share in shares),
        request_count=sum(share.requests for share in shares),
        last_request_time=max((share.last_time for share in shares if share.last_time), default=None),
        remaining_tokens=remaining(output, limit),
        percentage_used=percentage(output, limit),
        domains=_domains(shares),
        mini_series=[
            MiniPoint(time=begin, output_tokens=by_step[number], remaining=remaining(used, limit))
            for number, (begin, used) in enumerate(zip(begins, sums, strict=True), 1)
        ],
    )


def _domains(shares: Sequence[_Share]) -> list[DomainShare]:
    names = dict.fromkeys(share.domain for share in shares)
    own = {name: [share for share in shares if share.domain == name] for name in names}
    found = [
        DomainShare(
            domain=name,
            output_tokens=sum(share.output_tokens for share in held),
            requests=sum(share.requests for share in held),
        )
        for name, held in own.items()
    ]
    return sorted(found, key=lambda one: (-one.output_tokens, one.domain))


async def latest_account(db: Reader) -> Account | None:
    """The account, or the domain that stands for it, of the latest exchange; None: there is no exchange."""
    sql, arguments = _SQL["latest"].bind({})
    record = await db.fetchrow(sql, *arguments)
    return Account(record["account_id"], record["domain"]) if record else None


def remaining(used: int, limit: int | None) -> int | None:
    """What of a limit is left, at least nothing."""
    return None if limit is None else max(0, limit - used)


def percentage(used: int, limit: int | None) -> float | None:
    """How much of a limit is used; more than 100 where it is exceeded."""
    return None if limit is None else round(100 * used / limit, 2)
