"""Rules that compare messages: who said what my last assistant message says, after what was said before it.

Each takes the facts of who asks and one of its assistant messages (`Turn`), and gives the parent it finds, or None.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from plait.linker.domain import keys
from plait.linker.domain.canonical import short_hash
from plait.linker.domain.facts import Facts, Turn
from plait.linker.domain.keys import Scope
from plait.linker.domain.lookup import Ask, Lookup

NO_RESPONSE: Final = "No response requested."
"""What the CLI says in place of an answer that it dropped."""


def earlier(facts: Facts, key: int, lookup: Lookup) -> list[Facts]:
    """The candidates under a key, newest first."""
    return [one for one in lookup.find(Ask(key, before=facts.stamp)) if one.candidate and one.domain == facts.domain]


def best(facts: Facts, candidates: Iterable[Facts]) -> Facts | None:
    """Of several: the newest with the same system prompt, else the newest (`candidates` are newest first)."""
    found = list(candidates)
    return next((one for one in found if one.system == facts.system), found[0] if found else None)


def in_scope(candidates: Iterable[Facts], scope: Scope | None) -> list[Facts]:
    """Those of the scope; all of them where the whole domain is looked at."""
    return [one for one in candidates if scope is None or one.scope == scope]


def match(facts: Facts, turn: Turn, scope: Scope | None, lookup: Lookup) -> Facts | None:
    """One whose messages and answer equal mine up to and with this assistant message."""
    found = in_scope(earlier(facts, keys.answered(facts.domain, scope, turn.upto), lookup), scope)
    return best(facts, (one for one in found if one.answer and one.answer.upto == turn.upto))


def tool_caller(facts: Facts, turn: Turn, scope: Scope | None, lookup: Lookup) -> Facts | None:
    """One that issued the first tool call of this assistant message: ids survive edits and compactions."""
    if not turn.tool:
        return None
    found = in_scope(earlier(facts, keys.tool_call(facts.domain, scope, turn.tool), lookup), scope)
    return best(facts, (one for one in found if calls(one, turn.tool)))


def calls(facts: Facts, tool: str) -> bool:
    """Whether its answer holds the tool call of this id."""
    return any(call.id == tool for call in facts.calls)


def same_answer(facts: Facts, turn: Turn, lookup: Lookup) -> Facts | None:
    """One with this answer that begins as I begin, or was asked what I was asked last: the rest may be edited.

    Where this message is several in a row, because what stood between is no longer sent, the last may be the answer.
    """
    domain, scope = facts.domain, facts.scope
    under = (
        keys.said_after_first(domain, scope, facts.first, turn.message),
        keys.said_after_last(domain, scope, turn.previous, turn.message),
        *([keys.said_after_first(domain, scope, facts.first, turn.last_part)] if turn.last_part else ()),
    )
    lookup.need(Ask(key, before=facts.stamp) for key in under)
    found = {one.id: one for key in under for one in in_scope(earlier(facts, key, lookup), scope)}
    equal = (one for one in found.values() if _said_alike(facts, turn, one))
    return best(facts, sorted(equal, key=lambda one: one.stamp, reverse=True))


def _said_alike(facts: Facts, turn: Turn, other: Facts) -> bool:
    answer = other.answer
    if answer is None or not answer.message or answer.message not in (turn.message, turn.last_part):
        return False
    return other.first == facts.first or (answer.message == turn.message and answer.previous == turn.previous)


def asked_before(facts: Facts, turn: Turn, scope: Scope | None, lookup: Lookup) -> list[Facts]:
    """Those whose messages equal all of mine before this assistant message, newest first."""
    if not turn.before:
        return []
    found = in_scope(earlier(facts, keys.asked(facts.domain, scope, turn.before), lookup), scope)
    return [one for one in found if one.chain == turn.before]


def cut_answer(facts: Facts, turn: Turn, asked: Sequence[Facts]) -> Facts | None:
    """Of those asked the same, one whose answer was cut or is unknown and, as far as known, begins with mine."""
    return best(facts, (one for one in asked if is_unfinished(one) and resends(turn, one)))


def is_unfinished(facts: Facts) -> bool:
    """Whether its answer was cut, or is not known yet."""
    return facts.outcome != "complete"


def resends(turn: Turn, other: Facts) -> bool:
    """Whether this assistant message may be the beginning of the other's answer."""
    if turn.text.text == NO_RESPONSE:
        return is_unfinished(other)
    return begins(turn, other)


def begins(turn: Turn, other: Facts) -> bool:
    """Whether the other's answer, as far as it is known, begins with this assistant message's text."""
    answer = other.answer
    if answer is None:
        return True
    if turn.text.length > answer.text.length and answer.outcome == "complete":
        return False
    mine, whole = turn.text, answer.text
    common = min(len(mine.text), len(whole.text))
    if mine.text[:common] != whole.text[:common]:
        return False
    if mine.length <= len(whole.text):
        return short_hash(whole.text[: mine.length]) == mine.whole
    return mine.length != whole.length or mine.whole == whole.whole
