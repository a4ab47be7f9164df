"""What one exchange knows about itself: all that linking ever reads, kept instead of its bodies (linking.md, "Cost").

`plait.linker.domain.request` and `.answer` make facts from events. The two halves of an exchange may come in any order:
an answer that is first waits as `AnswerFacts`, and `request.join` brings both together.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from msgspec import Struct

from plait.common.events import Outcome

FACTS_VERSION: Final = 5
"""Version of the extraction and of the keys; facts of another version must be made again from the bodies."""

MOST_TURNS: Final = 256
"""Assistant messages, the newest, that facts tell of: rules ask about each while no parent is known."""

Hash = bytes
"""The first 12 bytes of a SHA-256: compared within a domain only."""

Kind = Literal["inference", "subagent", "compaction", "auxiliary", "count_tokens", "quota", "models", "probe", "other"]
CONVERSING: Final[frozenset[str]] = frozenset({"inference", "subagent", "compaction"})
"""The kinds that form conversations; the others hang on them as side notes."""


class Snippet(Struct, frozen=True, array_like=True):
    """The beginning of a text, how long the whole is, in characters, and a hash of the whole."""

    text: str = ""
    length: int = 0
    whole: bytes = b""
    """The first 8 bytes of the text's hash."""


class Turn(Struct, frozen=True, array_like=True):
    """An assistant message of a request, with what was before it."""

    before: Hash
    """Chain of the messages before it."""
    upto: Hash
    """Chain up to and with it."""
    text: Snippet
    message: Hash = b""
    """Its hash; like the rest only of the last one."""
    previous: Hash = b""
    """Hash of the message before it, b"" for none."""
    tool: str = ""
    """Id of its first tool call, "" for none."""
    last_part: Hash = b""
    """Where several messages in a row are this one: the hash of the last alone."""


class Call(Struct, frozen=True, array_like=True):
    """A tool call in an answer."""

    id: str
    name: str
    wants: Hash = b""
    """Hash of an `Agent` or `Task` call's prompt, of a `Skill` call's skill, of a `WebSearch` call's query."""
    script: str = ""
    """Of a `Workflow` call: its script."""


class Tail(Struct, frozen=True, array_like=True):
    """The assistant message a request ends with: the answer goes on in the same message."""

    before: Hash
    previous: Hash
    blocks: bytes
    """Its blocks as JSON, texts not yet joined nor trimmed."""


class AnswerFacts(Struct, frozen=True, array_like=True):
    """What an answer knows without its request."""

    id: UUID
    outcome: Outcome
    ended_at: datetime
    message_id: str = ""
    stop_reason: str = ""
    blocks: bytes | None = None
    """The message's blocks as JSON, texts not yet joined nor trimmed; None: there was no message."""
    calls: tuple[Call, ...] = ()


class Answer(Struct, frozen=True, array_like=True):
    """How an exchange ended, and what linking reads of its answer."""

    outcome: Outcome
    ended_at: datetime
    message_id: str = ""
    stop_reason: str = ""
    empty: bool = True
    """Nothing came that a client could send again: no text and no tool call."""
    upto: Hash = b""
    """Chain of the request's messages and the answer; b"": there was no message."""
    message: Hash = b""
    """Hash of the assistant message that the answer made or ended; b"" where a tool call tells it (`offers`)."""
    previous: Hash = b""
    """Hash of the message before that; b"" likewise."""
    text: Snippet = Snippet()
    """Of an answer that was cut more than of a whole one: clients may go on from any part of it."""
    calls: tuple[Call, ...] = ()
    summary: str = ""
    """Of a summary request: the summary, only its letters and digits, lower-case."""
    title: str = ""
    """Of a title request: the title."""


class Facts(Struct, frozen=True, kw_only=True, array_like=True, dict=True):
    """What one exchange knows about itself."""

    id: UUID
    started_at: datetime
    domain: str
    kind: Kind
    side_kind: str | None = None
    """Of an auxiliary exchange, see `kinds.SideKind`."""
    session_id: str | None = None
    agent_id: str | None = None
    parent_agent_id: str | None = None
    fork_agent: bool = False
    """The request of an agent that was given its parent's whole history."""
    retries: int | None = None
    """How many attempts went before, as a client that counts says, or a gateway that tried again; None: not counted."""
    thread: Hash = b""
    """Hash of the body's `thread`."""
    previous_message: str = ""
    """`thread.previous_message_id`."""
    system: Hash = b""
    count: int = 0
    """Messages in the request as sent."""
    chain: Hash = b""
    """Chain of all messages."""
    first: Hash = b""
    last: Hash = b""
    shorter: tuple[Hash, ...] = ()
    """Chains of the messages without the last one, two, … blocks of the last (user) message."""
    turns: tuple[Turn, ...] = ()
    """The newest `MOST_TURNS` assistant messages, in order. Stored: all these while they may decide, else the last one
    (`weave.slim`): others must not look further back."""
    tail: Tail | None = None
    prompt: Hash = b""
    """What an agent was asked, if this request can be an agent's first."""
    task: str = ""
    """The same as text, for an agent of a workflow."""
    left: Hash = b""
    """Of a summary request: chain of its messages without the instruction."""
    left_answered: bool = False
    """Whether what is left ends with an assistant message."""
    summary: str = ""
    """Letters and digits, lower-case, of the last user message that says it continues a summarised conversation."""
    summary_sessions: tuple[str, ...] = ()
    """The sessions whose transcripts that message names, the last first."""
    continued: bool = False
    """Whether there is such a message."""
    since_summary: int = 0
    """How many assistant messages come after it."""
    query: Hash = b""
    """Of a web search: hash of its query."""
    pairs: tuple[tuple[str, str], ...] = ()
    """(tool call id, agent id) that the newest messages name."""
    title: str = ""
    """The first real user prompt, at most 80 characters; not kept where one before it has the same (`weave.slim`)."""
    titled: bool = False
    """Whether there is such a prompt."""
    so_far: tuple[Call, ...] = ()
    """Only while running: the calls of its answer that start or seek something, as far as they have come whole."""
    answer: Answer | None = None
    """None while running."""

    @property
    def stamp(self) -> tuple[datetime, UUID]:
        """Place in the order of time."""
        return (self.started_at, self.id)

    @property
    def outcome(self) -> Outcome | None:
        """None while running."""
        return self.answer.outcome if self.answer else None

    @property
    def calls(self) -> tuple[Call, ...]:
        """The tool calls of its answer, as far as they are known."""
        return self.answer.calls if self.answer else self.so_far

    @property
    def scope(self) -> tuple[str | None, str | None]:
        """Session and agent; without a session, both None (linking.md, "Scope")."""
        return (self.session_id, self.agent_id) if self.session_id else (None, None)

    @property
    def converses(self) -> bool:
        """Whether it forms conversations."""
        return self.kind in CONVERSING and self.outcome != "rejected"

    @property
    def candidate(self) -> bool:
        """Whether others can follow it: of a conversing kind and not failed."""
        return self.converses and self.outcome != "failed"
