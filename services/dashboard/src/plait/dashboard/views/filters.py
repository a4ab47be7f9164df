"""The controls that narrow what a page shows. All of them stand in the page's address, under the read API's names."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal, get_args
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import streamlit as st

from plait.common.queries.choices import Choices, list_choices
from plait.common.queries.exchanges import ExchangeFilter
from plait.common.queries.usage import UsageFilter
from plait.dashboard.database import read
from plait.dashboard.islands.words import zone_of
from plait.dashboard.views.bound import bound
from plait.dashboard.visitor import visitor

Field = Literal["q", "domain", "account", "model", "kind", "status", "time", "dates"]
FIELDS: Final[tuple[Field, ...]] = get_args(Field)

SPANS: Final[Mapping[str, timedelta | None]] = {
    "24 hours": timedelta(days=1),
    "7 days": timedelta(days=7),
    "30 days": timedelta(days=30),
    "All": None,
}
USUAL_SPAN: Final = "7 days"
KINDS: Final = (
    "inference", "subagent", "compaction", "auxiliary", "count_tokens", "quota", "models", "probe", "other",
)  # fmt: skip
ENDINGS: Final = ("complete", "failed", "interrupted", "rejected", "aborted", "running")
_REFUSALS: Final = ("400", "401", "403", "404", "413", "429", "500", "529")
_ANY: Final = {
    "domain": "All domains",
    "account": "All accounts",
    "model": "All models",
    "kind": "All kinds",
    "status": "Any outcome",
}
_LABELS: Final = {"domain": "Domain", "account": "Account", "model": "Model", "kind": "Kind", "status": "Outcome"}
_CHOICES_OF: Final = timedelta(days=30)
"""What was in use in this time can be chosen; an older name can be typed."""
_CHOICES_KEPT: Final = timedelta(seconds=15)
_LONGEST_WORDS: Final = 500
_LONGEST_NAME: Final = 255
_STATUS_DIGITS: Final = 3
_FIRST_DAY: Final = date(2020, 1, 1)
"""Before anything was recorded."""
_PLACES: Final = ("page", "after")
"""Parameters that say how far down a list is; another list begins at its top."""


@dataclass(frozen=True)
class Filters:
    """What the controls of a page say; an empty value narrows nothing."""

    path: str
    """The page's own."""
    zone: ZoneInfo
    """The reader's, in which days begin."""
    words: str = ""
    domain: str = ""
    account: str = ""
    model: str = ""
    kind: str = ""
    status: str = ""
    """One of ENDINGS, or an HTTP status."""
    span: str = USUAL_SPAN
    first_day: date | None = None
    last_day: date | None = None
    """Days, the last one with it; where one is set, `span` does not count."""
    usual: str = USUAL_SPAN
    """The span that the page has when its address names none."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """Other parameters of the page that stay while one goes on in it: order, rows a page."""

    @property
    def since(self) -> datetime | None:
        """Where the time begins, on the whole minute, so that figures asked for twice are the same."""
        if self.first_day or self.last_day:
            return _midnight(self.first_day, self.zone) if self.first_day else None
        back = SPANS[self.span]
        return None if back is None else datetime.now(UTC).replace(second=0, microsecond=0) - back

    @property
    def until(self) -> datetime | None:
        """Where it ends; None: it does not."""
        return _midnight(self.last_day + timedelta(days=1), self.zone) if self.last_day else None

    @property
    def when(self) -> str:
        """The time in words."""
        if self.first_day and self.last_day:
            return f"from {self.first_day} to {self.last_day}"
        if self.first_day or self.last_day:
            return f"since {self.first_day}" if self.first_day else f"until {self.last_day}"
        return "at any time" if self.since is None else f"in the last {self.span}"

    @property
    def usage(self) -> UsageFilter:
        """The same for sums: they know nothing of words and outcomes."""
        kind = self.kind if self.kind in KINDS else ""
        return UsageFilter(
            domain=self.domain or None,
            account_id=self.account or None,
            model=self.model or None,
            kind=kind or None,
        )

    @property
    def exchanges(self) -> ExchangeFilter:
        """The same for lists of exchanges and for the search."""
        ending = self.status if self.status in ENDINGS else ""
        return ExchangeFilter(
            domain=self.domain or None,
            account_id=self.account or None,
            model=self.model or None,
            kind=self.kind or None,
            status=int(self.status) if self.status and not ending else None,
            outcome=ending if ending not in ("", "running") else None,
            running=ending == "running",
            since=self.since,
            until=self.until,
            q=self.words or None,
        )

    @property
    def parameters(self) -> dict[str, str]:
        """What the address holds: nothing that is as usual."""
        values = {
            "q": self.words,
            "domain": self.domain,
            "account": self.account,
            "model": self.model,
            "kind": self.kind,
            "status": self.status,
            "time": "" if self.span == self.usual else self.span,
            "since": self.first_day.isoformat() if self.first_day else "",
            "until": self.last_day.isoformat() if self.last_day else "",
            **self.extra,
        }
        return {name: value for name, value in values.items() if value}

    def address(self, **changes: str) -> str:
        """The address of the same page with some parameters changed; an empty value takes one away."""
        values = {**self.parameters, **changes}
        query = urlencode({name: value for name, value in values.items() if value})
        return f"{self.path}?{query}" if query else self.path

    @property
    def narrowing(self) -> dict[str, str]:
        """Parameters that leave something out, by what to call them; those of the time aside."""
        names = {"q": "Words", **_LABELS}
        return {name: f"{names[name]}: {value}" for name, value in self.parameters.items() if name in names}


@dataclass(frozen=True)
class _Rest:
    """What the controls behind the button say."""

    picked: Mapping[str, str] = field(default_factory=dict)
    first: date | None = None
    last: date | None = None


def choose(
    path: str,
    fields: Collection[Field] = FIELDS,
    *,
    placeholder: str = "Title, text or id",
    kinds: Sequence[str] = KINDS,
    usual: str = USUAL_SPAN,
    extra: Mapping[str, str] | None = None,
) -> Filters:
    """Draw the controls of a page for some fields, and read what they say.

    The words, the domain and the time stand in one row, the rest behind a button that says how many are set.
    """
    zone = zone_of(st.context.timezone)
    today = datetime.now(zone).date()
    choices = _choices(visitor().domains)
    with st.container(horizontal=True, vertical_alignment="center", key="filters"):
        words = _words(path, placeholder) if "q" in fields else ""
        domain = _pick(path, "domain", choices.domains) if "domain" in fields else ""
        span = _span(path, usual) if "time" in fields else usual
        more = [name for name in fields if name in ("account", "model", "kind", "status", "dates")]
        rest = _more(path, more, choices, kinds, today) if more else _Rest()
    return Filters(
        path,
        zone,
        words,
        domain,
        span=span,
        first_day=rest.first,
        last_day=rest.last,
        usual=usual,
        extra=extra or {},
        **rest.picked,
    )


def readable(text: str, longest: int = _LONGEST_NAME) -> str:
    """What somebody typed, or an address holds, without what no text in the database has."""
    return text.replace("\0", "").strip()[:longest]


@st.cache_data(ttl=_CHOICES_KEPT, max_entries=64, show_spinner=False)
def _choices(domains: frozenset[str] | None) -> Choices:
    """What can be chosen by whoever sees these domains."""
    del domains  # `read` knows them; here they keep apart what each visitor sees
    return read(list_choices, _midnight((datetime.now(UTC) - _CHOICES_OF).date(), ZoneInfo("UTC")))


def _words(path: str, placeholder: str) -> str:
    place = bound(path, "q", readable, readable, drops=_PLACES)
    found = st.text_input("Search", placeholder=placeholder, label_visibility="collapsed", **place)
    return readable(found or "", _LONGEST_WORDS)


def _span(path: str, usual: str) -> str:
    place = bound(
        path,
        "time",
        lambda text: text if text in SPANS else usual,
        lambda span: "" if span == usual else span,
        drops=_PLACES,
    )
    names = list(SPANS)
    found: str = st.segmented_control(
        "Time", names, required=True, label_visibility="collapsed", width="content", **place
    )
    return found


def _pick(path: str, name: str, options: Sequence[str]) -> str:
    """One of some names, or another one that is typed."""
    anything = _ANY[name]
    place = bound(
        path,
        name,
        lambda text: readable(text) or anything,
        lambda chosen: "" if chosen == anything else readable(chosen or ""),
        drops=_PLACES,
    )
    found = st.selectbox(
        _LABELS[name],
        [anything, *options],
        accept_new_options=True,
        label_visibility="collapsed" if name == "domain" else "visible",
        **place,
    )
    return "" if found == anything else readable(found or "")


def _more(path: str, fields: Sequence[Field], choices: Choices, kinds: Sequence[str], today: date) -> _Rest:
    """The controls behind the button."""
    options = {"account": choices.accounts, "model": choices.models, "kind": kinds, "status": (*ENDINGS, *_REFUSALS)}
    set_ones = sum(bool(st.query_params.get(name)) for name in (*fields, "since", "until"))
    with st.popover(f"Filters · {set_ones}" if set_ones else "Filters", key="more"):
        picked: dict[str, str] = {name: _pick(path, name, options[name]) for name in fields if name in options}
        first, last = _days(path, today) if "dates" in fields else (None, None)
    picked["status"] = _status(picked.get("status", ""))
    return _Rest(picked, first, last)


def _status(text: str) -> str:
    """An ending or an HTTP status; what is neither narrows nothing."""
    known = text in ENDINGS or (text.isascii() and text.isdigit() and len(text) == _STATUS_DIGITS)
    return text if known else ""


def _days(path: str, today: date) -> tuple[date | None, date | None]:
    """Two days between which to look, instead of the usual spans."""
    first_at, last_at = st.columns(2)
    with first_at:
        first = _day(path, "since", "From", today)
    with last_at:
        last = _day(path, "until", "To", today)
    return (first, last) if not (first and last and last < first) else (last, first)


def _day(path: str, name: str, label: str, today: date) -> date | None:
    def value_of(text: str) -> date | None:
        try:
            return max(min(date.fromisoformat(text), today), _FIRST_DAY)
        except ValueError:
            return None

    place = bound(path, name, value_of, lambda day: day.isoformat() if day else "", drops=_PLACES)
    return st.date_input(label, None, min_value=_FIRST_DAY, max_value=today, **place)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
