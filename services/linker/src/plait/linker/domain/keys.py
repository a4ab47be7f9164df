"""Keys under which an exchange is found: signed 64-bit numbers, so that one plain index of numbers finds everything.

One function a kind of key, used by those who offer (`offers`) and those who ask (the rules) alike. A key can collide:
whoever finds an exchange under one checks what he found against its facts.
"""

from __future__ import annotations

import hashlib

from plait.linker.domain.facts import Hash

Part = str | bytes | None
Scope = tuple[str | None, str | None]
"""Session and agent, both None without a session (linking.md, "Scope")."""
ANYWHERE: None = None
"""In place of a scope or session: the whole domain."""


def key(kind: str, domain: str, *parts: Part) -> int:
    """The first 8 bytes of SHA-256 over kind, domain and parts, as a signed number (Postgres `bigint`)."""
    # `ascii` writes every list of parts in a form of its own, the same in every version of Python.
    text = ascii((kind, domain, *parts)).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big", signed=True)


def _scoped(kind: str, domain: str, scope: Scope | None, *parts: Part) -> int:
    if scope is None:
        return key(f"{kind}, domain", domain, *parts)
    return key(kind, domain, *scope, *parts)


def answered(domain: str, scope: Scope | None, upto: Hash) -> int:
    """Exchanges whose messages and answer have this chain."""
    return _scoped("answered", domain, scope, upto)


def asked(domain: str, scope: Scope | None, chain: Hash) -> int:
    """Exchanges whose messages have this chain."""
    return _scoped("asked", domain, scope, chain)


def attempt(domain: str, scope: Scope, thread: Hash, chain: Hash) -> int:
    """Exchanges of this chain that ended other than complete, or complete and empty."""
    return key("attempt", domain, *scope, thread, chain)


def resent(domain: str, scope: Scope, thread: Hash, chain: Hash) -> int:
    """Requests that hold more blocks than this chain, or that their client counts as retries: `asked` has the rest."""
    return key("resent", domain, *scope, thread, chain)


def begun(domain: str, scope: Scope, first: Hash) -> int:
    """Exchanges that begin with this message."""
    return key("begun", domain, *scope, first)


def said_after_first(domain: str, scope: Scope, first: Hash, message: Hash) -> int:
    """Exchanges with this first message and this answer."""
    return key("first and answer", domain, *scope, first, message)


def said_after_last(domain: str, scope: Scope, previous: Hash, message: Hash) -> int:
    """Exchanges with this answer to this last message."""
    return key("last and answer", domain, *scope, previous, message)


def message_id(domain: str, message: str) -> int:
    """The exchange that was answered with this message."""
    return key("message", domain, message)


def tool_call(domain: str, scope: Scope | None, tool: str) -> int:
    """Exchanges whose answer holds the tool call of this id."""
    return _scoped("tool call", domain, scope, tool)


def in_session(domain: str, session: str) -> int:
    """The exchanges of a session that others can follow."""
    return key("session", domain, session)


def of_agent(domain: str, session: str | None, agent: str | None) -> int:
    """The exchanges of an agent, or of a session's main line, that others can follow."""
    return key("agent", domain, session, agent)


def agent_call(domain: str, session: str | None, prompt: Hash) -> int:
    """Exchanges whose answer starts an agent with this prompt; a session or the whole domain."""
    return key("agent call", domain, session, prompt)


def agent_prompt(domain: str, session: str | None, prompt: Hash) -> int:
    """Requests that an agent of this prompt may begin with; a session or the whole domain."""
    return key("agent prompt", domain, session, prompt)


def workflow_call(domain: str, session: str | None) -> int:
    """Exchanges whose answer starts a workflow; a session or the whole domain."""
    return key("workflow call", domain, session)


def named_agent(domain: str, session: str | None, agent: str) -> int:
    """Requests that name the call an agent was started by."""
    return key("named agent", domain, session, agent)


def summary_of_scope(domain: str, scope: Scope) -> int:
    """The summary requests of a session and agent."""
    return key("summary, scope", domain, *scope)


def summary_in(domain: str, session: str | None) -> int:
    """The summary requests of a session, or of the whole domain."""
    return key("summary", domain, session)


def searched(domain: str, session: str | None, query: Hash) -> int:
    """Exchanges whose answer calls WebSearch with this query; a session or the whole domain."""
    return key("search", domain, session, query)
