"""Rule 1: the same request again, after an attempt that brought nothing or was cut (linking.md, "Retry").

An attempt is retried once. Who retried it is found by going through those who might have, oldest first, and asking the
same question for each: every answer depends on earlier exchanges only.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final
from uuid import UUID

from plait.linker.domain import keys
from plait.linker.domain.facts import KEPT_TURNS, Answer, Facts, Hash
from plait.linker.domain.lookup import Ask, Lookup
from plait.linker.domain.offers import is_attempt

LONGEST_PAUSE: Final = timedelta(minutes=2)
"""Between an attempt's end and its retry, for clients that neither name a session nor count."""
ABORT_LAG: Final = timedelta(seconds=1)
"""By so much the end of an aborted attempt may be noticed after its client has begun again."""


class Retries:
    """Finds whose retry a request is; remembers what it found out on the way."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._known: dict[UUID, Facts | None] = {}

    def attempt_of(self, facts: Facts) -> Facts | None:
        """The newest attempt that this request tries again and nobody before it did; None if it is no retry."""
        if facts.id not in self._known:
            attempts = self._attempts(facts) if facts.converses and facts.chain else ()
            self._known[facts.id] = next((one for one in attempts if not self._is_taken(one, facts)), None)
        return self._known[facts.id]

    def _attempts(self, facts: Facts) -> Iterator[Facts]:
        """What this request may be a retry of, newest first."""
        chains = (facts.chain, *facts.shorter)
        asks = [Ask(keys.attempt(facts.domain, facts.scope, facts.thread, c), before=facts.stamp) for c in chains]
        self._lookup.need(asks)
        found = {one.id: one for ask in asks for one in self._lookup.find(ask) if _fits(facts, one)}
        newest_first = sorted(found.values(), key=lambda one: one.stamp, reverse=True)
        return (one for one in newest_first if not self._is_continued(one, facts))

    def _is_taken(self, attempt: Facts, facts: Facts) -> bool:
        """Whether an earlier request retries the attempt already."""
        return any(self._retries(rival, attempt) for rival in self._rivals(attempt, facts))

    def _retries(self, rival: Facts, attempt: Facts) -> bool:
        found = self.attempt_of(rival)
        return found is not None and found.id == attempt.id

    def _rivals(self, attempt: Facts, facts: Facts) -> list[Facts]:
        """Requests between the two that hold the attempt's messages, oldest first."""
        where = (attempt.domain, attempt.scope)
        under = (keys.asked(*where, attempt.chain), keys.resent(*where, attempt.thread, attempt.chain))
        asks = [Ask(key, before=facts.stamp, after=attempt.stamp, oldest_first=True) for key in under]
        self._lookup.need(asks)
        found = {one.id: one for ask in asks for one in self._lookup.find(ask)}
        return sorted(found.values(), key=lambda one: one.stamp)

    def _is_continued(self, attempt: Facts, facts: Facts) -> bool:
        """Whether somebody between the two has gone on from the attempt's cut answer: then this is another branch."""
        if attempt.answer is None or attempt.answer.empty:
            return False
        key = keys.begun(attempt.domain, attempt.scope, attempt.first)
        later = self._lookup.find(Ask(key, before=facts.stamp, after=attempt.stamp, oldest_first=True))
        within = (turn for one in later if one.scope == attempt.scope for turn in one.turns[-KEPT_TURNS:])
        return any(turn.before == attempt.chain for turn in within)


def _fits(facts: Facts, attempt: Facts) -> bool:
    """Whether a request can be the retry of an attempt, nobody else considered."""
    if attempt.answer is None or not is_attempt(attempt) or not attempt.converses:
        return False
    if (attempt.domain, attempt.scope, attempt.thread) != (facts.domain, facts.scope, facts.thread):
        return False
    return _same_messages(facts, attempt.chain, attempt.answer) and _in_time(facts, attempt.answer)


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
