"""Rule 5: which tool call started an agent (linking.md, "Spawn").

An agent never names the call it was started by. What its parent says later does (a tool result, a notification), else
the prompt: calls of one prompt are given to the agents of that prompt in the order in which they began.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Final, NamedTuple

from plait.linker.domain import keys
from plait.linker.domain.facts import Call, Facts
from plait.linker.domain.lookup import Ask, Lookup
from plait.linker.domain.matching import earlier
from plait.linker.domain.offers import AGENT_TOOLS, PROMPTED_TOOLS, WORKFLOW_TOOL
from plait.linker.domain.retry import Retries

LONGEST_WAIT: Final = timedelta(hours=24)
"""Between a call and the agent it starts, where no session tells whose it is."""

_FEW: Final = 8
"""Earlier exchanges of an agent that are looked at: one is enough, more only because keys can collide."""


class Spawn(NamedTuple):
    """The exchange whose answer holds the call, the call, and what told."""

    parent: Facts
    call: Call
    evidence: str


class Spawns:
    """Finds the calls that agents were started by."""

    def __init__(self, lookup: Lookup, retries: Retries) -> None:
        self._lookup = lookup
        self._retries = retries

    def may_be_spawned(self, facts: Facts) -> bool:
        """Whether a request can be an agent's first (linking.md, rule 5)."""
        if facts.fork_agent:
            return True
        return self._is_first_of_agent(facts) if facts.agent_id else not facts.turns

    def find(self, facts: Facts) -> Spawn | None:
        """The call that started this agent; `may_be_spawned` must hold."""
        return self._by_name(facts) or self._by_prompt(facts) or self._by_workflow(facts) or self._by_history(facts)

    def _is_first_of_agent(self, facts: Facts) -> bool:
        agent = facts.agent_id or ""
        ask = Ask(
            keys.of_agent(facts.domain, facts.session_id, agent), before=facts.stamp, oldest_first=True, limit=_FEW
        )
        return not any(one.candidate and _is_same_agent(facts, one) for one in self._lookup.find(ask))

    def _by_name(self, facts: Facts) -> Spawn | None:
        """The call that a tool result or notification, be it later, names for my agent id."""
        if not facts.agent_id:
            return None
        ask = Ask(keys.named_agent(facts.domain, facts.session_id, facts.agent_id))
        tellers = (one for one in self._lookup.find(ask) if one.session_id == facts.session_id)
        pairs = (pair for one in tellers for pair in one.pairs)
        for tool in dict.fromkeys(tool for tool, agent in pairs if agent == facts.agent_id):
            if found := self._caller(facts, tool, AGENT_TOOLS | {WORKFLOW_TOOL}, "named"):
                return found
        return None

    def _caller(self, facts: Facts, tool: str, names: frozenset[str], evidence: str) -> Spawn | None:
        for one in earlier(facts, keys.tool_call(facts.domain, keys.ANYWHERE, tool), self._lookup):
            for call in one.calls if _within_reach(facts, one) else ():
                if call.id == tool and call.name in names:
                    return Spawn(one, call, evidence)
        return None

    def _by_prompt(self, facts: Facts) -> Spawn | None:
        """The newest call of my prompt that no earlier agent took."""
        if not facts.prompt:
            return None
        callers = earlier(facts, keys.agent_call(facts.domain, facts.session_id, facts.prompt), self._lookup)
        offered = [Spawn(one, call, "prompt") for one in callers for call in _agent_calls(one, facts)]
        if not offered:
            return None
        taken: set[str] = set()
        for rival in self._rivals(facts, offered):
            took = self._by_name(rival) or _choice(rival, offered, taken)
            if took:
                taken.add(took.call.id)
        return _choice(facts, offered, taken)

    def _rivals(self, facts: Facts, offered: list[Spawn]) -> Iterator[Facts]:
        """Earlier agents of my prompt, oldest first."""
        since = min(one.parent.stamp for one in offered)
        key = keys.agent_prompt(facts.domain, facts.session_id, facts.prompt)
        for rival in self._lookup.find(Ask(key, before=facts.stamp, after=since, oldest_first=True)):
            same = rival.prompt == facts.prompt and (not facts.session_id or rival.session_id == facts.session_id)
            if same and self.may_be_spawned(rival) and not self._retries.attempt_of(rival):
                yield rival

    def _by_workflow(self, facts: Facts) -> Spawn | None:
        """The newest workflow, one whose script holds my task first; one call starts many agents."""
        if not facts.task:
            return None
        callers = earlier(facts, keys.workflow_call(facts.domain, facts.session_id), self._lookup)
        near = [one for one in callers if _within_reach(facts, one)]
        found = [Spawn(one, call, "workflow") for one in near for call in one.calls if call.name == WORKFLOW_TOOL]
        return next((one for one in found if _holds(one.call.script, facts.task)), found[0] if found else None)

    def _by_history(self, facts: Facts) -> Spawn | None:
        """The call that stands first in the last assistant message I was given."""
        tool = facts.turns[-1].tool if facts.turns else ""
        return self._caller(facts, tool, AGENT_TOOLS, "history") if tool else None


def _choice(facts: Facts, offered: list[Spawn], taken: set[str]) -> Spawn | None:
    """The first call that is free for this agent; `offered` are newest first, those of one answer in order."""
    return next((one for one in offered if one.call.id not in taken and _may_take(facts, one.parent)), None)


def _may_take(facts: Facts, parent: Facts) -> bool:
    by_parent = not facts.parent_agent_id or parent.agent_id == facts.parent_agent_id
    return parent.stamp < facts.stamp and by_parent and _within_reach(facts, parent)


def _within_reach(facts: Facts, parent: Facts) -> bool:
    """In the same session; without one, not longer ago than a day."""
    if facts.session_id:
        return parent.session_id == facts.session_id
    return facts.started_at - parent.started_at <= LONGEST_WAIT


def _is_same_agent(facts: Facts, other: Facts) -> bool:
    return (other.domain, other.session_id, other.agent_id) == (facts.domain, facts.session_id, facts.agent_id)


def _agent_calls(parent: Facts, facts: Facts) -> list[Call]:
    return [call for call in parent.calls if call.name in PROMPTED_TOOLS and call.wants == facts.prompt]


def _holds(script: str, task: str) -> bool:
    """Whether a script holds a text, plainly or inside a string literal."""
    return task in script or json.dumps(task, ensure_ascii=False)[1:-1] in script
