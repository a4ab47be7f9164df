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

_FEW: Final = 8
"""Where one is wanted; more only because keys can collide."""


def searcher(facts: Facts, lookup: Lookup) -> Facts | None:
    """The newest exchange whose answer calls WebSearch with the query of this web search."""
    if not facts.query:
        return None
    for one in earlier(facts, keys.searched(facts.domain, facts.session_id, facts.query), lookup):
        asked = any(call.name == SEARCH_TOOL and call.wants == facts.query for call in one.calls)
        near = one.session_id == facts.session_id if facts.session_id else _recent(facts, one)
        if asked and near:
            return one
    return None


def opening(facts: Facts, lookup: Lookup) -> Facts | None:
    """The session's first exchange that did not fail, which a title may come before.

    Who looks for a parent passes over failed ones, and so does this; a retry is in the conversation of its attempt.
    """
    if not facts.session_id:
        return None
    ask = Ask(keys.in_session(facts.domain, facts.session_id), oldest_first=True, limit=_FEW)
    return next((one for one in lookup.find(ask) if _is_beside(facts, one)), None)


def neighbour(facts: Facts, lookup: Lookup) -> Facts | None:
    """The session's newest exchange before this one, one of the same agent (or of the main line, as this is) first."""
    if not facts.session_id:
        return None
    own = earlier(facts, keys.of_agent(facts.domain, facts.session_id, facts.agent_id), lookup)
    if same := next((one for one in own if one.scope == facts.scope), None):
        return same
    beside = earlier(facts, keys.in_session(facts.domain, facts.session_id), lookup)
    return next((one for one in beside if _is_beside(facts, one)), None)


def _is_beside(facts: Facts, other: Facts) -> bool:
    """Whether it is an exchange of the same session that others can follow."""
    return other.candidate and (other.domain, other.session_id) == (facts.domain, facts.session_id)


def _recent(facts: Facts, other: Facts) -> bool:
    return facts.started_at - other.started_at <= LONGEST_WAIT
