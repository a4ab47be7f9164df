"""Whom an exchange follows: the rules of linking.md, "Finding the parent", in their order.

A pure function of facts. It never looks at another exchange's link, so a late fact moves only those who asked for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from plait.linker.domain import keys
from plait.linker.domain.compaction import stands_on_summary, summarised, summary_request
from plait.linker.domain.facts import Facts, Turn
from plait.linker.domain.link import Link, Placement, Rule
from plait.linker.domain.lookup import Ask, Lookup, Recorder
from plait.linker.domain.matching import (
    asked_before,
    best,
    cut_answer,
    earlier,
    match,
    resends,
    same_answer,
    tool_caller,
)
from plait.linker.domain.reasons import with_refused
from plait.linker.domain.retry import Retries
from plait.linker.domain.serving import neighbour, opening, searcher
from plait.linker.domain.spawn import Spawn, Spawns

_AT_ONCE: Final = 32
"""Assistant messages looked up together, going back."""

_FIRST: Final[frozenset[Rule]] = frozenset({"thread", "compaction", "match"})
_SAME_BEGINNING: Final[frozenset[Rule]] = frozenset({"compaction", "match"})
"""Rules that find one whose messages are the first of mine."""
_LATER: Final[frozenset[Rule]] = frozenset(
    {"fork", "tool_call", "answer", "edited", "domain_match", "domain_tool_call"}
)

Found = tuple[Rule, Facts, dict[str, Any]]


def place(facts: Facts, lookup: Lookup) -> Placement:
    """Decide whom an exchange follows, or serves.

    Raises:
        NotLoaded: the look-up does not have what is asked; fetch it and call again.
    """
    recorder = Recorder(lookup)
    found = _conversing(facts, recorder) if facts.converses else _Decided(_side_note(facts, recorder))
    link = with_refused(facts, found.link, recorder.found) if facts.converses else found.link
    return Placement(link=link, watches=recorder.watches(), settled=found.settled, titled=found.titled)


def foreseen(facts: Facts) -> list[Ask]:
    """Questions that the rules will ask about nearly every exchange, known before any of them runs."""
    if not facts.converses:
        return []
    asks = [keys.attempt(facts.domain, facts.scope, chain) for chain in (facts.chain, *facts.shorter)]
    if facts.turns:
        asks.append(keys.answered(facts.domain, facts.scope, facts.turns[-1].upto))
    elif facts.prompt:
        asks.append(keys.agent_call(facts.domain, facts.session_id, facts.prompt))
    return [Ask(key, before=facts.stamp) for key in asks]


class _Decided(NamedTuple):
    """What `Placement` says beside the watches."""

    link: Link
    settled: bool = False
    titled: bool = False


def _conversing(facts: Facts, lookup: Lookup) -> _Decided:
    retries = Retries(lookup)
    attempt = retries.attempt_of(facts)
    if attempt:
        link = Link(exchange_id=facts.id, rule="retry", retry_of=attempt.id, detail={"ended": attempt.outcome})
        settled = _rule_match(facts, lookup) is not None and not _ends_with_summary(facts)
        return _Decided(link, settled, settled and attempt.titled)
    if facts.previous_message:
        return _Decided(_link(facts, _by_thread(facts, lookup)), settled=True)
    spawns = Spawns(lookup, retries)
    for rule in (_rule_compaction, _rule_summary_at_end, _rule_match):
        if found := rule(facts, lookup):
            return _decided(facts, found)
    if spawns.may_be_spawned(facts) and (spawn := spawns.find(facts)):
        return _Decided(_spawned(facts, spawn))
    if facts.turns:
        _foresee_later(facts, facts.turns[-1], lookup)
    later = _first(_LATER_RULES, facts, lookup)
    return _decided(facts, later) if later else _Decided(_link(facts, None))


def _decided(facts: Facts, found: Found) -> _Decided:
    rule, parent, _ = found
    settled = _is_settled(facts, found)
    return _Decided(_link(facts, found), settled, settled and rule in _SAME_BEGINNING and parent.titled)


def _spawned(facts: Facts, spawn: Spawn) -> Link:
    detail = {"call": spawn.call.id, "by": spawn.evidence}
    return Link(exchange_id=facts.id, rule="spawn", parent_id=spawn.parent.id, spawn_call=spawn.call.id, detail=detail)


def _is_settled(facts: Facts, found: Found) -> bool:
    """Whether what was found stays, whatever comes: the parent's answer is known, and no rule further back precedes.

    Rule 7 looks at all assistant messages after the summary, so what later rules find for it is not settled; nor is
    what rule 4 finds, where rule 7 comes before it and the summary may be late.
    """
    rule, parent, _ = found
    if parent.answer is None or (rule == "match" and _ends_with_summary(facts)):
        return False
    return rule in _FIRST or (rule in _LATER and not facts.continued)


def _ends_with_summary(facts: Facts) -> bool:
    """Whether rule 7 is asked before rule 4."""
    return facts.continued and not facts.since_summary


def _side_note(facts: Facts, lookup: Lookup) -> Link:
    """Whom a side request serves: with a history of its own, the parent it would have."""
    if facts.outcome == "rejected":
        return Link(exchange_id=facts.id, rule="none")
    found = _first((_rule_match, *_LATER_RULES), facts, lookup) if facts.turns else None
    served = found[1] if found else None
    if served is None and facts.side_kind == "title":
        served = opening(facts, lookup)
    elif served is None:
        served = searcher(facts, lookup) or neighbour(facts, lookup)
    detail = {"by": found[0], **found[2]} if found else {}
    return Link(
        exchange_id=facts.id,
        rule="serves" if served else "none",
        serves_id=served.id if served else None,
        detail=detail,
    )


def _foresee_later(facts: Facts, turn: Turn, lookup: Lookup) -> None:
    """Name together what the rules after the fourth ask about the last assistant message."""
    domain, scope = facts.domain, facts.scope
    lookup.need(
        Ask(key, before=facts.stamp)
        for key in (
            keys.begun(domain, scope, facts.first),
            keys.answered(domain, keys.ANYWHERE, turn.upto),
            keys.asked(domain, keys.ANYWHERE, turn.before),
            keys.tool_call(domain, scope if facts.session_id else keys.ANYWHERE, turn.tool),
            keys.asked(domain, scope, turn.before),
        )
    )


def _link(facts: Facts, found: Found | None) -> Link:
    if found is None:
        return Link(exchange_id=facts.id, rule="none")
    rule, parent, detail = found
    return Link(exchange_id=facts.id, rule=rule, parent_id=parent.id, detail=detail)


def _by_thread(facts: Facts, lookup: Lookup) -> Found | None:
    """Rule 2: the exchange that was answered with the message which a thread goes on from."""
    named = earlier(facts, keys.message_id(facts.domain, facts.previous_message), lookup)
    parent = best(facts, (one for one in named if one.answer and one.answer.message_id == facts.previous_message))
    return ("thread", parent, {"message": facts.previous_message}) if parent else None


def _rule_compaction(facts: Facts, lookup: Lookup) -> Found | None:
    """Rule 3, the part of its own; what it does not find, rules 4 to 10 may."""
    parent = summarised(facts, lookup) if facts.kind == "compaction" else None
    return ("compaction", parent, {"answerLeftOut": not facts.left_answered}) if parent else None


def _rule_summary_at_end(facts: Facts, lookup: Lookup) -> Found | None:
    """Rule 7 for a request with no assistant message after the summary: it comes before rule 4."""
    return _stand(facts, lookup) if _ends_with_summary(facts) else None


def _rule_match(facts: Facts, lookup: Lookup) -> Found | None:
    """Rule 4: a match at my last assistant message, in my scope."""
    parent = match(facts, facts.turns[-1], facts.scope, lookup) if facts.turns else None
    return ("match", parent, {"messages": parent.count}) if parent else None


def _rule_fork(facts: Facts, lookup: Lookup) -> Found | None:
    """Rule 6: a session that begins with another's history."""
    if not facts.turns:
        return None
    begun = earlier(facts, keys.begun(facts.domain, facts.scope, facts.first), lookup)
    if any(one.scope == facts.scope and one.first == facts.first for one in begun):
        return None
    turn = facts.turns[-1]
    if parent := match(facts, turn, keys.ANYWHERE, lookup):
        return "fork", parent, {"messages": parent.count}
    asked = asked_before(facts, turn, keys.ANYWHERE, lookup)
    # Without a text it would be the beginning of every answer.
    parent = best(facts, (one for one in asked if turn.text.length and resends(turn, one)))
    return ("fork", parent, {"answer": parent.outcome}) if parent else None


def _rule_summary(facts: Facts, lookup: Lookup) -> Found | None:
    """Rule 7: a request that stands on a summary."""
    return _stand(facts, lookup) if facts.since_summary and stands_on_summary(facts, lookup) else None


def _stand(facts: Facts, lookup: Lookup) -> Found | None:
    parent = summary_request(facts, lookup)
    return ("summary", parent, {"session": parent.session_id}) if parent else None


def _rule_evidence(facts: Facts, lookup: Lookup) -> Found | None:
    """Rule 8: histories that were edited, slid or broke off still share ids, answers and questions."""
    if not facts.turns:
        return None
    turn = facts.turns[-1]
    scope = facts.scope if facts.session_id else keys.ANYWHERE
    if parent := tool_caller(facts, turn, scope, lookup):
        return "tool_call", parent, {"tool": turn.tool}
    if parent := same_answer(facts, turn, lookup):
        return "answer", parent, {"begins": "alike" if parent.first == facts.first else "otherwise"}
    asked = asked_before(facts, turn, facts.scope, lookup)
    parent = cut_answer(facts, turn, asked) or best(facts, asked)
    return ("edited", parent, {"answer": parent.outcome}) if parent else None


def _rule_domain(facts: Facts, lookup: Lookup) -> Found | None:
    """Rule 9: a match, then the tool call, in the whole domain."""
    if not facts.turns:
        return None
    turn = facts.turns[-1]
    if parent := match(facts, turn, keys.ANYWHERE, lookup):
        return "domain_match", parent, {"messages": parent.count}
    parent = tool_caller(facts, turn, keys.ANYWHERE, lookup)
    return ("domain_tool_call", parent, {"tool": turn.tool}) if parent else None


def _rule_dropped(facts: Facts, lookup: Lookup) -> Found | None:
    """Rule 10: the newest exchanges were never recorded; the same at the assistant messages before, going back."""
    for turn in _going_back(facts, lookup):
        if parent := _known_at(facts, turn, lookup):
            return "dropped_turns", parent, {"messages": parent.count}
    return None


def _going_back(facts: Facts, lookup: Lookup) -> Iterator[Turn]:
    """The assistant messages before the last, newest first, as far as facts tell of them (`facts.MOST_TURNS`).

    Their questions are named some at a time.
    """
    turns = facts.turns[-2::-1]
    for start in range(0, len(turns), _AT_ONCE):
        some = turns[start : start + _AT_ONCE]
        lookup.need(Ask(key, before=facts.stamp) for turn in some for key in _keys_of(facts, turn))
        yield from some


def _keys_of(facts: Facts, turn: Turn) -> tuple[int, int, int]:
    domain, scope = facts.domain, facts.scope
    return (
        keys.answered(domain, scope, turn.upto),
        keys.asked(domain, scope, turn.before),
        keys.answered(domain, keys.ANYWHERE, turn.upto),
    )


def _known_at(facts: Facts, turn: Turn, lookup: Lookup) -> Facts | None:
    return (
        match(facts, turn, facts.scope, lookup)
        or cut_answer(facts, turn, asked_before(facts, turn, facts.scope, lookup))
        or match(facts, turn, keys.ANYWHERE, lookup)
    )


_RuleFunction = Callable[[Facts, Lookup], Found | None]
_LATER_RULES: Final[tuple[_RuleFunction, ...]] = (
    _rule_fork,
    _rule_summary,
    _rule_evidence,
    _rule_domain,
    _rule_dropped,
)


def _first(rules: tuple[_RuleFunction, ...], facts: Facts, lookup: Lookup) -> Found | None:
    return next((found for rule in rules if (found := rule(facts, lookup))), None)
