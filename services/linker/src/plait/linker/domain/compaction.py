"""Rules 3 and 7: the request for a summary, and the requests that go on from one (linking.md, "Compaction")."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from plait.linker.domain import keys
from plait.linker.domain.facts import Facts
from plait.linker.domain.lookup import Ask, Lookup
from plait.linker.domain.matching import asked_before, best, earlier, in_scope, match

LONGEST_PAUSE: Final = timedelta(days=7)
"""Between a summary and who goes on from it, where no session leads to it."""


def summarised(facts: Facts, lookup: Lookup) -> Facts | None:
    """Rule 3: whose messages a summary request ends with, once the instruction is taken away.

    The newest answer may have been left out: then the parent is the exchange whose messages equal what is left.
    """
    if not facts.left:
        return None
    domain, scope = facts.domain, facts.scope
    if facts.left_answered:
        found = in_scope(earlier(facts, keys.answered(domain, scope, facts.left), lookup), scope)
        return best(facts, (one for one in found if one.answer and one.answer.upto == facts.left))
    found = in_scope(earlier(facts, keys.asked(domain, scope, facts.left), lookup), scope)
    return best(facts, (one for one in found if one.chain == facts.left))


def stands_on_summary(facts: Facts, lookup: Lookup) -> bool:
    """Rule 7's condition: nothing in my scope was said or asked after the message that holds the summary."""
    if not facts.continued:
        return False
    after = facts.turns[-facts.since_summary :] if facts.since_summary else ()
    domain, scope = facts.domain, facts.scope
    lookup.need(
        Ask(key, before=facts.stamp)
        for turn in after
        for key in (keys.answered(domain, scope, turn.upto), keys.asked(domain, scope, turn.before))
    )
    return not any(match(facts, turn, scope, lookup) or asked_before(facts, turn, scope, lookup) for turn in after)


def summary_request(facts: Facts, lookup: Lookup) -> Facts | None:
    """Rule 7: the newest request whose summary my message holds, of my scope, of the session named, of a week."""
    if not facts.summary:
        return None
    for found in _summary_requests(facts, lookup):
        for one in found:
            if one.answer and one.answer.summary and one.answer.summary in facts.summary:
                return one
    return None


def _summary_requests(facts: Facts, lookup: Lookup) -> Iterator[list[Facts]]:
    domain = facts.domain
    own = earlier(facts, keys.summary_of_scope(domain, facts.scope), lookup)
    yield in_scope(own, facts.scope)
    lookup.need(Ask(keys.summary_in(domain, session), before=facts.stamp) for session in facts.summary_sessions)
    for session in facts.summary_sessions:
        named = earlier(facts, keys.summary_in(domain, session), lookup)
        yield [one for one in named if one.session_id == session]
    anywhere = earlier(facts, keys.summary_in(domain, keys.ANYWHERE), lookup)
    yield [one for one in anywhere if facts.started_at - one.started_at <= LONGEST_PAUSE]
