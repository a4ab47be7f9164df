"""All that is known of an exchange beside what was said, as cards of names and values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from markupsafe import Markup

from plait.common.queries.charges import Charge, Following
from plait.common.queries.records import Exchange
from plait.dashboard.islands import evidence
from plait.dashboard.islands.causes import tell_cause
from plait.dashboard.islands.icons import icon
from plait.dashboard.islands.texts import one_line
from plait.dashboard.islands.words import Clock, dollars, duration, exact

Fact = tuple[str, Markup | str]

_NONE: Final = Markup("")
_PARTS: Final = (
    ("Input", "input_tokens", "cost_input_usd"),
    ("Cache read", "cache_read_tokens", "cost_cache_read_usd"),
    ("Cache write, 5 minutes", "cache_5m_tokens", "cost_cache_5m_usd"),
    ("Cache write, 1 hour", "cache_1h_tokens", "cost_cache_1h_usd"),
    ("Output", "output_tokens", "cost_output_usd"),
)


@dataclass(frozen=True)
class CostLine:
    """A line of the bill."""

    name: str
    count: str
    dollars: Markup
    share: float
    """Of the whole cost, 0 to 1."""


@dataclass(frozen=True)
class Known:
    """What the cards are made of."""

    exchange: Exchange
    charge: Charge | None
    following: Sequence[Following]
    clock: Clock

    def identity(self) -> list[Fact]:
        """Which exchange it is."""
        return _with_value(_identity(self.exchange, self.clock))

    def place(self) -> list[Fact]:
        """Where it stands in its conversation, and why."""
        return _with_value(_place(self.exchange, self.following, self.clock))

    def timings(self) -> list[Fact]:
        """When, and how long."""
        return _with_value(_timings(self.exchange, self.clock))

    def cache(self) -> list[Fact]:
        """What the prompt cache gave."""
        return _with_value(_cache(self.exchange))

    def bill(self) -> list[CostLine]:
        """Tokens by kind, and what each cost."""
        return list(_bill(self.charge)) if self.charge else []

    def remarks(self) -> list[str]:
        """What is to be known of the figures."""
        return list(_remarks(self.charge)) if self.charge else []


def calls_in(messages: Iterable[Any]) -> list[tuple[str, int]]:
    """The tools that messages call, the most used first, and how often."""
    contents = [m.get("content") for m in messages if isinstance(m, dict)]
    blocks = [b for content in contents if isinstance(content, list) for b in content if isinstance(b, dict)]
    calls = (b for b in blocks if "input" in b and isinstance(b.get("name"), str))
    return [(one_line(name, 60), count) for name, count in Counter(b["name"] for b in calls).most_common()]


def _with_value(facts: Iterator[Fact]) -> list[Fact]:
    return [(name, value) for name, value in facts if value]


def _identity(e: Exchange, clock: Clock) -> Iterator[Fact]:
    yield "Request", _id(e.request_id)
    yield "Path", f"{e.method} {e.path}"
    yield "Model", e.model or ""
    yield "Domain", e.domain
    yield "Account", e.account_id or ""
    yield "Key", e.key_name or ""
    yield "Tag", e.tag or ""
    yield "Kind", " · ".join(filter(None, (e.kind, e.side_kind)))
    yield "Session", _id(e.session_id)
    yield "Agent", _id(e.agent_id)
    yield "Conversation", _link("conversation", e.conversation_id)
    yield "Branch", clock.branch(e.branch_id, e.timestamp) if e.branch_id else ""


def _place(e: Exchange, following: Sequence[Following], clock: Clock) -> Iterator[Fact]:
    yield "Link", (e.link_kind or "none: a side call").replace("_", " ")
    yield "Why", evidence.tell(e.evidence) if e.evidence else "It is not linked yet."
    yield "Decided by", Markup("<code>{}</code>").format(e.evidence.rule) if e.evidence else ""
    yield "Parent", _link("request", e.parent_request_id)
    yield "Retry of", _link("request", e.retry_of)
    yield "Serves", _link("request", e.serves_request_id)
    yield "Sub-task of", _link("request", e.parent_task_request_id)
    yield "Goes on with", Markup("<br>").join(_following(one, clock) for one in following)


def _following(one: Following, clock: Clock) -> Markup:
    told = Markup('<a href="/request?id={}">{}</a> <span class="soft">{}</span>')
    return told.format(one.id, one_line(one.preview or "request", 60), clock.at(one.started_at))


def _timings(e: Exchange, clock: Clock) -> Iterator[Fact]:
    yield "Started", clock.at(e.timestamp)
    yield "First token", duration(e.first_token_ms) if e.first_token_ms is not None else ""
    yield "Duration", duration(e.duration_ms) if e.duration_ms is not None else "running"
    yield "Speed", _speed(e)
    yield "Status", str(e.status or "")
    yield "Outcome", e.outcome or "running"
    yield "Streamed", "" if e.streamed is None else "yes" if e.streamed else "no"


def _speed(e: Exchange) -> str:
    seconds = ((e.duration_ms or 0) - (e.first_token_ms or 0)) / 1000
    return f"{e.output_tokens / seconds:,.0f} tokens a second" if seconds > 0.05 and e.output_tokens else ""


def _cache(e: Exchange) -> Iterator[Fact]:
    found = e.cache
    if found is None:
        return
    yield "Finding", tell_cause(found)
    yield "Read", f"{exact(found.read_tokens)} tokens"
    yield "Could be read", f"{exact(found.expected_tokens)} tokens" if found.expected_tokens is not None else ""
    yield "Missed", f"{exact(found.missed_tokens)} tokens" if found.missed_tokens else ""
    yield "Cost of it", dollars(found.cost_usd) if found.cost_usd else ""
    yield "Cache of", _link("request", found.reference_request_id)
    yield "Changed", _changed(e)
    yield "Idle before", duration(found.idle_seconds * 1000) if found.idle_seconds is not None else ""


def _changed(e: Exchange) -> Markup | str:
    """The message that is another, by the number that this page gives it."""
    found = e.cache
    if found is None or found.message_index is None:
        return ""
    place = found.message_index + 1
    link = Markup('<a href="/request?id={}#m{}" data-jump="m{}">message #{}</a> {}')
    return link.format(e.request_id, place, place, place, found.message_change or "")


def _bill(charge: Charge) -> Iterator[CostLine]:
    for name, tokens, cost in _PARTS:
        count: int = getattr(charge, tokens)
        if count:
            yield _line(name, exact(count), getattr(charge, cost), charge.cost_usd)
    tools = [(charge.web_search_requests, "searches"), (charge.web_fetch_requests, "fetches")]
    if told := " · ".join(f"{count} {what}" for count, what in tools if count):
        yield _line("Tools of the provider", told, charge.cost_tools_usd, charge.cost_usd)


def _line(name: str, count: str, cost: Decimal | None, whole: Decimal | None) -> CostLine:
    share = float(cost / whole) if cost is not None and whole else 0.0
    return CostLine(name, count, dollars(None if cost is None else float(cost)), share)


def _remarks(charge: Charge) -> Iterator[str]:
    if charge.cost_usd is None:
        yield "The price of this model is not known."
    if charge.subscription:
        yield "Paid by a subscription: this is what it would have cost."
    if charge.estimated:
        yield "The answer did not end: these are the figures seen last."
    if charge.thinking_tokens:
        yield f"{exact(charge.thinking_tokens)} tokens of the output are thinking."
    modes = {"standard", "global", None}
    if told := " · ".join(mode for mode in (charge.service_tier, charge.speed) if mode and mode not in modes):
        yield f"Charged as {told}."
    if charge.price_version and charge.price_model:
        yield f"Prices: {charge.price_model}, {charge.price_version}."


def _id(value: UUID | str | None) -> Markup:
    """An id to be copied."""
    if not value:
        return _NONE
    button = Markup('<button class="plain" data-copy="{}" title="Copy" aria-label="Copy {}">{}</button>')
    return Markup("<code>{}</code> {}").format(value, button.format(value, value, icon("copy")))


def _link(page: str, target: UUID | None) -> Markup:
    if target is None:
        return _NONE
    return Markup('<a href="/{}?id={}"><code>{}</code></a>').format(page, target, target)
