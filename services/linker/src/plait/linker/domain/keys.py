"""Keys under which an exchange is found: signed 64-bit numbers, so that plain indexes of numbers find everything.

A key has three parts: 3 bits that name its place (`Place`: the column that holds it), 36 bits that say what is offered,
24 bits that say in which scope. One stored key answers for its scope and, asked for with all bits of the scope set
(`ANYWHERE`), for the whole domain: the keys of all scopes are neighbours in the index.

One function a kind of key, used by those who offer (`offers`) and those who ask (the rules) alike. A key can collide:
whoever finds an exchange under one checks what he found against its facts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from enum import IntEnum
from functools import lru_cache

from plait.linker.domain.facts import Hash

Part = str | bytes | None
Scope = tuple[str | None, str | None]
"""Session and agent, both None without a session (linking.md, "Scope")."""
ANYWHERE: None = None
"""In place of a scope or session: the whole domain."""


class Place(IntEnum):
    """Where a key is kept: what nearly every exchange offers has a column of its own (0002_links.sql)."""

    __hash__ = int.__hash__  # an Enum's own is ten times slower, and places are looked up for every key

    OTHERS = 0
    ASKED = 1
    BEGUN = 2
    LINE = 3
    ANSWERED = 4
    MESSAGE = 5
    TOOL = 6
    SAID = 7


_PLACES = tuple(Place)
_ASKED_WIDE = frozenset(_PLACES) - {Place.BEGUN, Place.MESSAGE, Place.SAID}
"""Places whose keys are made for `ANYWHERE`, too; the functions of the others take no such scope."""
_SCOPE_BITS = 24
_WHAT_BITS = 36
ALL_SCOPES = (1 << _SCOPE_BITS) - 1
_WHAT = ((1 << _WHAT_BITS) - 1) << _SCOPE_BITS
_SIGN = 1 << (_SCOPE_BITS + _WHAT_BITS + 2)


def place_of(key: int) -> Place:
    """Where a key is kept."""
    return _PLACES[(key >> (_WHAT_BITS + _SCOPE_BITS)) & 7]


def widened(key: int) -> int:
    """The key that asks for the same in all scopes."""
    return key | ALL_SCOPES


def in_all_scopes(keys: Iterable[int]) -> set[int]:
    """These keys, and those that ask for the same in all scopes, where anybody does."""
    return {one for key in keys for one in ((key, widened(key)) if place_of(key) in _ASKED_WIDE else (key,))}


def is_wide(key: int) -> bool:
    """Whether it asks for all scopes: for the keys with any other scope bits, which come before it."""
    return key & ALL_SCOPES == ALL_SCOPES


@lru_cache(maxsize=1 << 14)
def key(place: Place, kind: str, domain: str, *parts: Part) -> int:
    """The key of SHA-256 over kind, domain and parts, in no scope, as a signed number (Postgres `bigint`).

    Remembered, since an exchange's keys are asked for by several steps of a batch.
    """
    unsigned = (place << (_WHAT_BITS + _SCOPE_BITS)) | (_bits(_WHAT_BITS, kind, domain, *parts) << _SCOPE_BITS)
    return unsigned - 2 * _SIGN if unsigned >= _SIGN else unsigned


def _what(one: Hash) -> int:
    """What tells keys of one kind and domain apart, where it is a hash: some bits of it do, without another hash."""
    return int.from_bytes(one[:8], "big") & _WHAT


def _second(one: Hash) -> int:
    """The same of a second hash: other bits of it, so that two equal ones do not become nothing."""
    return int.from_bytes(one[4:], "big") & _WHAT


@lru_cache(maxsize=1 << 12)
def _scope(scope: Scope | None) -> int:
    """The bits of a scope; only the whole domain has all of them."""
    return ALL_SCOPES if scope is None else min(_bits(_SCOPE_BITS, *scope), ALL_SCOPES - 1)


def _session(session: str | None) -> int:
    """The bits of a session; who has none offers to the whole domain, and asks it."""
    return _scope((session, None) if session else ANYWHERE)


def _bits(count: int, *parts: Part) -> int:
    # `ascii` writes every list of parts in a form of its own, the same in every version of Python.
    return int.from_bytes(hashlib.sha256(ascii(parts).encode()).digest()[:8], "big") >> (64 - count)


def lock(domain: str) -> int:
    """Not of an exchange: what whoever works on a domain's links locks."""
    return key(Place.OTHERS, "lock", domain)


def answered(domain: str, scope: Scope | None, upto: Hash) -> int:
    """Exchanges whose messages and answer have this chain."""
    return key(Place.ANSWERED, "answered", domain) ^ _what(upto) | _scope(scope)


def asked(domain: str, scope: Scope | None, chain: Hash) -> int:
    """Exchanges whose messages have this chain."""
    return key(Place.ASKED, "asked", domain) ^ _what(chain) | _scope(scope)


def attempt(domain: str, scope: Scope, chain: Hash) -> int:
    """Exchanges of this chain that ended other than complete, or complete and empty."""
    return key(Place.OTHERS, "attempt", domain) ^ _what(chain) | _scope(scope)


def resent(domain: str, scope: Scope, chain: Hash) -> int:
    """Requests that hold more blocks than this chain, or that their client counts as retries: `asked` has the rest."""
    return key(Place.OTHERS, "resent", domain) ^ _what(chain) | _scope(scope)


def begun(domain: str, scope: Scope, first: Hash) -> int:
    """Exchanges that begin with this message."""
    return key(Place.BEGUN, "begun", domain) ^ _what(first) | _scope(scope)


def said_after_first(domain: str, scope: Scope, first: Hash, message: Hash) -> int:
    """Exchanges with this first message and this answer."""
    return key(Place.SAID, "first and answer", domain) ^ _what(first) ^ _second(message) | _scope(scope)


def said_after_last(domain: str, scope: Scope, previous: Hash, message: Hash) -> int:
    """Exchanges with this answer to this last message. Kept where tool calls are: few answers have both."""
    return key(Place.TOOL, "last and answer", domain) ^ _what(previous) ^ _second(message) | _scope(scope)


def message_id(domain: str, message: str) -> int:
    """The exchange that was answered with this message."""
    return key(Place.MESSAGE, "message", domain, message)


def tool_call(domain: str, scope: Scope | None, tool: str) -> int:
    """Exchanges whose answer holds the tool call of this id."""
    return key(Place.TOOL, "tool call", domain, tool) | _scope(scope)


def in_session(domain: str, session: str) -> int:
    """The exchanges of a session that others can follow, of all its agents."""
    return key(Place.LINE, "line", domain, session) | ALL_SCOPES


def of_agent(domain: str, session: str | None, agent: str | None) -> int:
    """The exchanges of an agent, or of a session's main line, that others can follow."""
    return key(Place.LINE, "line", domain, session) | _scope((agent, None))


def agent_call(domain: str, session: str | None, prompt: Hash) -> int:
    """Exchanges whose answer starts an agent with this prompt; a session or the whole domain."""
    return key(Place.OTHERS, "agent call", domain) ^ _what(prompt) | _session(session)


def agent_prompt(domain: str, session: str | None, prompt: Hash) -> int:
    """Requests that an agent of this prompt may begin with; a session or the whole domain."""
    return key(Place.OTHERS, "agent prompt", domain) ^ _what(prompt) | _session(session)


def workflow_call(domain: str, session: str | None) -> int:
    """Exchanges whose answer starts a workflow; a session or the whole domain."""
    return key(Place.OTHERS, "workflow call", domain) | _session(session)


def named_agent(domain: str, session: str | None, agent: str) -> int:
    """Requests that name the call an agent was started by."""
    return key(Place.OTHERS, "named agent", domain, session, agent)


def summary_of_scope(domain: str, scope: Scope) -> int:
    """The summary requests of a session and agent."""
    return key(Place.OTHERS, "summary, scope", domain, *scope)


def summary_in(domain: str, session: str | None) -> int:
    """The summary requests of a session, or of the whole domain."""
    return key(Place.OTHERS, "summary", domain, session)


def searched(domain: str, session: str | None, query: Hash) -> int:
    """Exchanges whose answer calls WebSearch with this query; a session or the whole domain."""
    return key(Place.OTHERS, "search", domain) ^ _what(query) | _session(session)
