"""Whom a side request serves: it hangs on that exchange as a note (linking.md, "Serves")."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from plait.linker.domain import keys
from plait.linker.domain.facts import Facts
from plait.linker.domain.lookup import Ask, Lookup
from plait.linker.domain.matching import earlier
from plait.linker.domain.offers import SEARCH_TOOL

LONGEST_WAIT: Final = timedelta(hours=24)
"""Between a search's call and the search, where no session tells whose it is."""


def searcher(facts: Facts, lookup: Lookup) -> Facts | None:
    """The newest exchange whose answer calls WebSearch with the query of this web search."""
    if not facts.query:
        return None
    for one in earlier(facts, keys.searched(facts.domain, facts.session_id, facts.query), lookup):
        asked = one.answer and any(c.name == SEARCH_TOOL and c.wants == facts.query for c in one.answer.calls)
        near = one.session_id == facts.session_id if facts.session_id else _recent(facts, one)
        if asked and near:
            return one
    return None


def opening(facts: Facts, lookup: Lookup) -> Facts | None:
    """The session's first exchange, which a title may come before."""
    if not facts.session_id:
        return None
    found = lookup.find(Ask(keys.in_session(facts.domain, facts.session_id), oldest_first=True, limit=1))
    return found[0] if found else None


def neighbour(facts: Facts, lookup: Lookup) -> Facts | None:
    """The session's newest exchange before this one, one of the same agent first."""
    if not facts.session_id:
        return None
    if facts.agent_id:
        own = earlier(facts, keys.of_agent(facts.domain, facts.session_id, facts.agent_id), lookup)
        if own:
            return own[0]
    found = earlier(facts, keys.in_session(facts.domain, facts.session_id), lookup)
    return next((one for one in found if one.agent_id == facts.agent_id), found[0] if found else None)


def _recent(facts: Facts, other: Facts) -> bool:
    return facts.started_at - other.started_at <= LONGEST_WAIT
