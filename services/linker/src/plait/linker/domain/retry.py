"""Rule 1: the same request again, after an attempt that brought nothing or was cut (linking.md, "Retry").

An attempt is retried once. Who retried it is found by playing it through: all requests that may have tried one of the
attempts again, in the order of time, each takes the newest that is free. Those who compete are found under shared keys.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from plait.linker.domain import keys
from plait.linker.domain.facts import Answer, Facts, Hash
from plait.linker.domain.lookup import Ask, Lookup, Stamp
from plait.linker.domain.matching import resends
from plait.linker.domain.offers import is_attempt

LONGEST_PAUSE: Final = timedelta(minutes=2)
"""Between an attempt's end and its retry, for clients that neither name a session nor count."""
ABORT_LAG: Final = timedelta(seconds=1)
"""By so much the end of an aborted attempt may be noticed after its client has begun again."""
_MOST_CHAINS: Final = 64
"""Different message lists among which rivals are sought."""


class Retries:
    """Finds whose retry a request is; remembers what it found."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._known: dict[UUID, Facts | None] = {}

    def attempt_of(self, facts: Facts) -> Facts | None:
        """The newest attempt that this request tries again and nobody before it did; None if it is no retry."""
        if facts.id not in self._known:
            found = _Contest(facts, self._lookup).winner() if facts.converses and facts.chain else None
            self._known[facts.id] = found
        return self._known[facts.id]


class _Contest:
    """One request's attempts, and the earlier requests that may have retried them."""

    def __init__(self, facts: Facts, lookup: Lookup) -> None:
        self._facts = facts
        self._lookup = lookup
        self._attempts: dict[UUID, Facts] = {}
        self._newest_first: list[Facts] = []
        self._rivals: dict[UUID, Facts] = {}
        self._continued: dict[UUID, datetime | None] = {}

    def winner(self) -> Facts | None:
        """The attempt that is left for the request."""
        known: set[Hash] = set()
        self._gather(_chains(self._facts), known)
        newest = self._choice(self._facts, set())
        if newest is None or not self._holding({newest.chain}, newest.stamp):
            return newest
        self._gather_rivals(known)
        taken: set[UUID] = set()
        for rival in sorted(self._rivals.values(), key=lambda one: one.stamp):
            if took := self._choice(rival, taken):
                taken.add(took.id)
        return self._choice(self._facts, taken)

    def _gather(self, chains: Iterable[Hash], known: set[Hash]) -> None:
        """Fetch the attempts of message lists not looked at yet."""
        new = [chain for chain in dict.fromkeys(chains) if chain not in known]
        known.update(new)
        facts = self._facts
        asks = [Ask(keys.attempt(facts.domain, facts.scope, c), before=facts.stamp) for c in new]
        self._lookup.need(asks)
        self._attempts |= {one.id: one for ask in asks for one in self._lookup.find(ask) if one.chain in known}
        self._newest_first = sorted(self._attempts.values(), key=lambda one: one.stamp, reverse=True)

    def _gather_rivals(self, known: set[Hash]) -> None:
        """Fetch who may have retried the attempts, and what else those may have retried, until nobody new is found."""
        sought: set[Hash] = set()
        while new := {one.chain for one in self._attempts.values()} - sought:
            sought |= new
            rivals = self._holding(new, min(one.stamp for one in self._attempts.values()))
            self._rivals |= {one.id: one for one in rivals}
            if len(known) < _MOST_CHAINS:
                self._gather((chain for one in rivals for chain in _chains(one)), known)

    def _holding(self, chains: set[Hash], since: Stamp) -> list[Facts]:
        """Earlier requests that hold these messages, or more in their last one."""
        facts = self._facts
        under = [
            key
            for chain in sorted(chains)
            for key in (
                keys.asked(facts.domain, facts.scope, chain),
                keys.resent(facts.domain, facts.scope, chain),
            )
        ]
        asks = [Ask(key, before=facts.stamp, after=since) for key in under]
        self._lookup.need(asks)
        return [one for ask in asks for one in self._lookup.find(ask)]

    def _choice(self, facts: Facts, taken: set[UUID]) -> Facts | None:
        """The newest attempt that a request can retry."""
        fitting = (one for one in self._newest_first if one.id not in taken and _fits(facts, one))
        return next((one for one in fitting if not self._is_continued(one, facts)), None)

    def _is_continued(self, attempt: Facts, facts: Facts) -> bool:
        """Whether somebody between the two has gone on from the attempt's cut answer: then this is another branch."""
        if attempt.answer is None or attempt.answer.empty:
            return False
        if attempt.id not in self._continued:
            self._continued[attempt.id] = self._first_to_go_on(attempt)
        since = self._continued[attempt.id]
        return since is not None and since < facts.started_at

    def _first_to_go_on(self, attempt: Facts) -> datetime | None:
        key = keys.begun(attempt.domain, attempt.scope, attempt.first)
        ask = Ask(key, before=self._facts.stamp, after=attempt.stamp, oldest_first=True)
        for one in self._lookup.find(ask):
            if one.scope == attempt.scope and _goes_on_from(one, attempt):
                return one.started_at
        return None


def _chains(facts: Facts) -> tuple[Hash, ...]:
    """The message lists that a request may be sending again."""
    return (facts.chain, *facts.shorter)


def _fits(facts: Facts, attempt: Facts) -> bool:
    """Whether a request can be the retry of an attempt, nobody else considered."""
    if attempt.stamp >= facts.stamp or attempt.answer is None or not is_attempt(attempt) or not attempt.converses:
        return False
    if (attempt.domain, attempt.scope, attempt.thread) != (facts.domain, facts.scope, facts.thread):
        return False
    return _same_messages(facts, attempt.chain, attempt.answer) and _in_time(facts, attempt.answer)


def _goes_on_from(facts: Facts, attempt: Facts) -> bool:
    """Whether a request sends an attempt's messages and what came of its answer."""
    return any(turn.before == attempt.chain and resends(turn, attempt) for turn in facts.turns[-1:])


def _same_messages(facts: Facts, chain: Hash, answer: Answer) -> bool:
    return chain == facts.chain or (answer.empty and chain in facts.shorter)


def _in_time(facts: Facts, answer: Answer) -> bool:
    """Without a session: the attempt must be over, and not long ago unless the client says that it tries again."""
    if facts.session_id:
        return True
    lag = ABORT_LAG if answer.outcome == "aborted" else timedelta()
    if facts.retries == 0 or answer.ended_at > facts.started_at + lag:
        return False
    return bool(facts.retries) or facts.started_at - answer.ended_at <= LONGEST_PAUSE
