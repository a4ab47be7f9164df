"""Why an exchange follows whom it follows, in words: what each rule saw, who was looked at, and why not they."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

import msgspec
from msgspec import Struct

from plait.linker.domain import keys
from plait.linker.domain.canonical import Message, message_hash
from plait.linker.domain.facts import Facts
from plait.linker.domain.link import Link, Rule
from plait.linker.domain.lookup import Ask, Lookup
from plait.linker.domain.matching import in_scope

RULES: Final[dict[Rule, str]] = {
    "retry": "the same request again, after an attempt that brought nothing or was cut",
    "thread": "its thread names the message that this exchange was answered with",
    "compaction": "without the instruction to summarise, its messages are that exchange's",
    "match": "its messages up to its last assistant message are that exchange's messages and answer",
    "spawn": "an agent's first request, started by a call of that exchange's answer",
    "fork": "a session that begins with the history of another one",
    "summary": "it stands on the summary that this exchange gave",
    "tool_call": "that exchange issued the first tool call of its last assistant message",
    "answer": "that exchange gave the answer it resends, though other messages differ",
    "edited": "that exchange was asked the same; its answer came back cut or edited",
    "domain_match": "the same messages and answer, in another session or agent of the domain",
    "domain_tool_call": "the same tool call, in another session or agent of the domain",
    "dropped_turns": "the newest exchange of which its history tells; those between were never recorded",
    "serves": "a side request: it hangs on that exchange as a note",
    "none": "nothing that was recorded before tells whom it follows",
}
"""linking.md, "Finding the parent"; the names are those of `links.rule`."""


_BY_PLACE: Final = dict.fromkeys(keys.Place, "something it shares with others") | {
    keys.Place.TOOL: "a call that a result names for its agent"
}


class Seen(Struct, frozen=True):
    """An exchange that was looked at, what for, and why it was not taken; None: it was."""

    exchange: Facts
    sought: str
    refused: str | None


class Watching:
    """A `Lookup` that remembers who was found, and what for."""

    def __init__(self, lookup: Lookup, facts: Facts) -> None:
        self._lookup = lookup
        self._names = _names(facts)
        self.found: dict[UUID, tuple[Facts, str]] = {}

    def find(self, ask: Ask) -> Sequence[Facts]:
        """See `Lookup.find`."""
        found = self._lookup.find(ask)
        for one in found:
            self.found.setdefault(one.id, (one, self._names.get(ask.key) or _BY_PLACE[keys.place_of(ask.key)]))
        return found

    def need(self, asks: Iterable[Ask]) -> None:
        """See `Lookup.need`."""
        self._lookup.need(asks)


def judged(facts: Facts, link: Link, watching: Watching) -> list[Seen]:
    """Who was looked at before a link was decided, newest first."""
    chosen_id = link.retry_of or link.parent_id or link.serves_id
    chosen = watching.found[chosen_id][0] if chosen_id in watching.found else None
    seen = [Seen(one, sought, _refusal(facts, one, chosen)) for one, sought in watching.found.values()]
    return sorted((one for one in seen if one.exchange.id != facts.id), key=lambda one: one.exchange.stamp)[::-1]


def with_refused(facts: Facts, link: Link, found: Mapping[UUID, Facts]) -> Link:
    """A link with, as evidence, how many others could have been followed and why they were not."""
    chosen = found.get(link.retry_of or link.parent_id or facts.id)
    refused = Counter(why for one in found.values() if one.id != facts.id and (why := _refusal(facts, one, chosen)))
    if not refused:
        return link
    return msgspec.structs.replace(link, detail={**link.detail, "refused": dict(sorted(refused.items()))})


def refusal_unseen(facts: Facts, other: Facts) -> str:
    """Why an exchange that shares nothing with another was not even looked at."""
    return _unfit(facts, other) or "it offers nothing that this one looks for: neither messages, answer nor tool calls"


def common_messages(mine: Sequence[Message], others: Sequence[Message]) -> int:
    """How many messages, from the first on, are equal once everything volatile is taken away."""
    pairs = zip(mine, others, strict=False)
    equal = [message_hash(one.role, one.blocks) == message_hash(other.role, other.blocks) for one, other in pairs]
    return equal.index(False) if False in equal else len(equal)


def _refusal(facts: Facts, one: Facts, chosen: Facts | None) -> str | None:
    if chosen is not None and one.id == chosen.id:
        return None
    if unfit := _unfit(facts, one):
        return unfit
    if chosen is None:
        return "what else it must share with this one differs"
    if chosen.system == facts.system != one.system:
        return "another system prompt"
    if not in_scope([one], facts.scope) and in_scope([chosen], facts.scope):
        return "of another session or agent"
    return "older than the one taken" if one.stamp < chosen.stamp else "an earlier rule found another one"


def _unfit(facts: Facts, one: Facts) -> str | None:
    if one.domain != facts.domain:
        return "of another domain: never linked"
    if one.stamp >= facts.stamp:
        return "it began later"
    if one.candidate:
        return None
    return "it failed" if one.outcome == "failed" else f"of kind {one.kind}: nothing follows it"


def _names(facts: Facts) -> dict[int, str]:
    """What the keys stand for that such an exchange asks."""
    domain, scope, session = facts.domain, facts.scope, facts.session_id
    names = {keys.attempt(domain, scope, chain): "the same request before" for chain in (facts.chain, *facts.shorter)}
    names[keys.asked(domain, scope, facts.chain)] = "the same messages"
    names[keys.begun(domain, scope, facts.first)] = "the same first message"
    names[keys.of_agent(domain, session, facts.agent_id)] = "the same session and agent"
    names[keys.summary_of_scope(domain, scope)] = names[keys.summary_in(domain, None)] = "a summary"
    if session:
        names[keys.in_session(domain, session)] = "the same session"
        names[keys.summary_in(domain, session)] = "a summary"
    names |= {keys.summary_in(domain, one): "a summary" for one in facts.summary_sessions}
    if facts.prompt:
        names[keys.agent_call(domain, session, facts.prompt)] = "a call that starts an agent with its prompt"
        names[keys.agent_prompt(domain, session, facts.prompt)] = "another agent of the same prompt"
    if facts.agent_id:
        names[keys.named_agent(domain, session, facts.agent_id)] = "a result that names its agent"
    if facts.previous_message:
        names[keys.message_id(domain, facts.previous_message)] = "the message its thread names"
    for turn in facts.turns:
        for where, place in ((scope, ""), (keys.ANYWHERE, ", anywhere in the domain")):
            names[keys.answered(domain, where, turn.upto)] = f"the same messages and answer{place}"
            names[keys.asked(domain, where, turn.before)] = f"the messages before an answer it resends{place}"
            if turn.tool:
                names[keys.tool_call(domain, where, turn.tool)] = f"the call {turn.tool}{place}"
        for answer in filter(None, (turn.message, turn.last_part)):
            names[keys.said_after_first(domain, scope, facts.first, answer)] = "the answer it resends"
        names[keys.said_after_last(domain, scope, turn.previous, turn.message)] = "the answer it resends"
    return names
