"""Under which keys an exchange can be found, read off its facts alone."""

from __future__ import annotations

from collections.abc import Iterator

from plait.linker.domain import keys
from plait.linker.domain.facts import Answer, Call, Facts

AGENT_TOOLS = frozenset({"Agent", "Task"})
SKILL_TOOL = "Skill"
PROMPTED_TOOLS = AGENT_TOOLS | {SKILL_TOOL}
"""Tools whose calls tell what an agent is asked: its prompt, or which skill it is to run."""
WORKFLOW_TOOL = "Workflow"
SEARCH_TOOL = "WebSearch"
_KNOWN = "offers"
AWAITED_TOOLS = PROMPTED_TOOLS | {WORKFLOW_TOOL, SEARCH_TOOL}
"""Tools whose calls bring requests of their own, perhaps before the answer that holds the call has ended."""


def offers(facts: Facts) -> frozenset[int]:
    """Every key under which `facts` answers. Side notes are found by nobody, failed attempts by those who try again."""
    if not facts.converses:
        return frozenset()
    known: dict[str, frozenset[int]] = facts.__dict__  # every step of a batch asks, and each key is a hash
    if _KNOWN not in known:
        known[_KNOWN] = frozenset(_offers(facts))
    return known[_KNOWN]


def is_attempt(facts: Facts) -> bool:
    """Whether it ended so that its client may try again: not complete, or complete without content."""
    return facts.answer is not None and (facts.answer.outcome != "complete" or facts.answer.empty)


def counted_retry(facts: Facts) -> bool:
    """Whether its client says that this is a retry."""
    return bool(facts.retries)


def tried_again_under(facts: Facts) -> set[int]:
    """Under which keys those are found who would try this attempt again, all of whom ask for attempts of its chain."""
    if not (facts.converses and is_attempt(facts)):
        return set()
    place = (facts.domain, facts.scope, facts.chain)
    return {keys.asked(*place), keys.resent(*place)}


def follows(facts: Facts) -> int | None:
    """The key that a request with an assistant message asks before all others (rule 4)."""
    return keys.answered(facts.domain, facts.scope, facts.turns[-1].upto) if facts.turns else None


def implied(facts: Facts) -> set[int]:
    """Keys that are asked for by everybody with such facts, so that nobody needs to write down who asks them."""
    asked = {keys.attempt(facts.domain, facts.scope, chain) for chain in (facts.chain, *facts.shorter)}
    match = follows(facts)
    return asked | ({match} if match is not None else set()) if facts.converses else set()


def _offers(facts: Facts) -> Iterator[int]:
    yield keys.asked(facts.domain, facts.scope, facts.chain)
    yield from _retry_offers(facts)
    for _, agent in facts.pairs:
        yield keys.named_agent(facts.domain, facts.session_id, agent)
    if facts.prompt and (facts.fork_agent or not facts.turns):
        yield keys.agent_prompt(facts.domain, facts.session_id, facts.prompt)
    if facts.candidate:
        if facts.session_id or facts.agent_id:
            yield keys.of_agent(facts.domain, facts.session_id, facts.agent_id)
        yield keys.begun(facts.domain, facts.scope, facts.first)
        for call in facts.calls:
            yield keys.tool_call(facts.domain, facts.scope, call.id)
            yield from _call_offers(facts.domain, facts.session_id, call)
        if facts.answer:
            yield from _answer_offers(facts, facts.answer)


def _retry_offers(facts: Facts) -> Iterator[int]:
    if is_attempt(facts):
        yield keys.attempt(facts.domain, facts.scope, facts.chain)
    for chain in facts.shorter:
        yield keys.resent(facts.domain, facts.scope, chain)
    if counted_retry(facts):
        yield keys.resent(facts.domain, facts.scope, facts.chain)


def _answer_offers(facts: Facts, answer: Answer) -> Iterator[int]:
    domain, scope = facts.domain, facts.scope
    if answer.upto:
        yield keys.answered(domain, scope, answer.upto)
        if answer.message:  # else whoever resends it is found by the id of its first call
            yield keys.said_after_first(domain, scope, facts.first, answer.message)
            yield keys.said_after_last(domain, scope, answer.previous, answer.message)
    if answer.message_id:
        yield keys.message_id(domain, answer.message_id)
    if facts.kind == "compaction" and answer.summary:
        yield keys.summary_of_scope(domain, scope)
        yield from {keys.summary_in(domain, place) for place in (facts.session_id, keys.ANYWHERE)}


def _call_offers(domain: str, session: str | None, call: Call) -> Iterator[int]:
    if call.name == WORKFLOW_TOOL:
        yield keys.workflow_call(domain, session)
    elif call.name == SEARCH_TOOL and call.wants:
        yield keys.searched(domain, session, call.wants)
    elif call.name in PROMPTED_TOOLS and call.wants:
        yield keys.agent_call(domain, session, call.wants)
