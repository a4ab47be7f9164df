"""The facts of a request, and how those of its answer join them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from itertools import accumulate, islice
from typing import Any, Final

import msgspec

from plait.common.events import RequestData, ResponseData
from plait.common.lenient import Read
from plait.common.threads import session_id
from plait.common.typed import is_typed
from plait.linker.domain.answer import answer_facts, answer_of, skill_hash
from plait.linker.domain.canonical import (
    Block,
    Message,
    chained,
    clean_text,
    digest,
    encode,
    message_hash,
    plain_value,
    prefix_hashes,
    snippet,
    text_hash,
    text_of,
)
from plait.linker.domain.facts import MOST_TURNS, AnswerFacts, Facts, Hash, Kind, Tail, Turn
from plait.linker.domain.kinds import AGENT, SEARCH_TASK, is_agent, kind_of
from plait.linker.domain.matching import NO_RESPONSE
from plait.linker.domain.sent import Sent, opened
from plait.linker.domain.summaries import letters, standing_on

_PARENT_AGENT: Final = "x-claude-code-parent-agent-id"
_RETRIES: Final = "x-stainless-retry-count"
_ATTEMPT: Final = "x-plait-attempt"
_FURTHER_ATTEMPTS: Final = frozenset("23456")
_FORK_MARK: Final = "<fork-boilerplate>"
_FORK_TASK: Final = "Your directive: "
_WORKFLOW_MARK: Final = "[Workflow harness"
_WORKFLOW_TASK: Final = "The computed task text follows:"
_SKILL_MARK: Final = "Base directory for this skill: "
_GO_ON: Final = "Continue from where you left off."
_LONGEST_TITLE: Final = 80
_MOST_SHORTER: Final = 32
"""Blocks of the last message that may have been added to a failed one."""
_MOST_PAIRS: Final = 64
"""Agents that the newest messages may name."""
_AGENT_ID: Final = re.compile(r"agentId: *([A-Za-z0-9_-]+)")
_NOTIFICATION: Final = re.compile(r"<task-notification>(.*?)(?:</task-notification>|\Z)", re.DOTALL)
_TASK_ID: Final = re.compile(r"<task-id>([^<]+)</task-id>")
_CALL_ID: Final = re.compile(r"<tool-use-id>([^<]+)</tool-use-id>")
_VOLATILE: Final = re.compile(
    r"x-anthropic-billing-header:[^\n]*|\d{4}-\d{2}-\d{2}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)


def request_facts(data: RequestData, read: Read | None = None) -> Facts:
    """The facts of a request whose answer is not known; `read`: its body, if it was read.

    Never raises on what a client sent.
    """
    sent = opened(data, read)
    kind, side_kind = kind_of(sent)
    hashes = [message_hash(message.role, message.blocks) for message in sent.messages]
    chains = list(accumulate(hashes, chained, initial=b""))
    title = _title(sent.messages)
    asks = _agent_facts(sent) | _summary_facts(sent, kind, chains) | _thread_facts(sent.body)
    return Facts(
        id=data.exchange_id,
        domain=data.domain,
        started_at=aware(data.started_at),
        kind=kind,
        side_kind=side_kind,
        session_id=session_id(data.headers, sent.body),
        agent_id=sent.headers.get(AGENT) or None,
        parent_agent_id=sent.headers.get(_PARENT_AGENT) or None,
        retries=_retries(sent),
        system=_system_hash(tuple(sent.system)),
        count=len(sent.raw_messages),
        chain=chains[-1],
        first=hashes[0] if hashes else b"",
        last=hashes[-1] if hashes else b"",
        shorter=_shorter(sent.messages, chains),
        turns=_turns(sent.messages, hashes, chains),
        tail=_tail(sent.messages, hashes, chains),
        query=_query(sent) if side_kind == "web_search" else b"",
        pairs=tuple(islice(dict.fromkeys(_pairs(sent)), _MOST_PAIRS)),
        title=title,
        titled=bool(title),
        **asks,
    )


def with_answer(facts: Facts, data: ResponseData) -> Facts:
    """The facts of an exchange that has ended."""
    return join(facts, answer_facts(data))


def join(facts: Facts, answer: AnswerFacts) -> Facts:
    """Both halves of an exchange; the same whichever came first, and whatever was known while it ran."""
    return msgspec.structs.replace(facts, answer=answer_of(facts, answer), so_far=())


def aware(moment: datetime) -> datetime:
    """A moment without time zone means UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _retries(sent: Sent) -> int | None:
    """How often the client says it has tried; the CLI always says 0 and means nothing by it.

    A gateway that tries again for its client numbers its attempts, and sends the client's count with each.
    """
    attempt = sent.headers.get(_ATTEMPT, "")
    if attempt in _FURTHER_ATTEMPTS:
        return int(attempt) - 1
    counted = sent.headers.get(_RETRIES, "")
    cli = sent.headers.get("user-agent", "").startswith("claude-cli") or sent.headers.get("x-app") == "cli"
    return int(counted) if counted.isascii() and counted.isdigit() and len(counted) < 10 and not cli else None


@lru_cache(maxsize=256)
def _system_hash(texts: tuple[str, ...]) -> Hash:
    """The system prompt without what changes by itself: billing, git status, environment, dates, session ids."""
    kept = [text for part in texts if (text := _VOLATILE.sub("", _without_surroundings(part)).strip())]
    return text_hash("\n".join(kept)) if kept else b""


def _without_surroundings(text: str) -> str:
    """Without the environment block, and without the git status, which is the last of all."""
    before, _, rest = text.partition("<env>")
    return (before + rest.partition("</env>")[2]).partition("gitStatus: ")[0]


def _thread_facts(body: dict[str, Any]) -> dict[str, Any]:
    thread = body.get("thread")
    if thread is None:
        return {}
    previous = thread.get("previous_message_id") if isinstance(thread, dict) else None
    return {
        "thread": digest(encode(plain_value(thread))),
        "previous_message": previous if isinstance(previous, str) else "",
    }


def _shorter(messages: list[Message], chains: list[Hash]) -> tuple[Hash, ...]:
    """Chains without the last blocks: what the request may have been before more was typed (linking.md, "Retry")."""
    if not messages or messages[-1].role != "user":
        return ()
    shorter = list(prefix_hashes("user", messages[-1].blocks[:-1]))
    return tuple(chained(chains[-2], one) for one in shorter[: -_MOST_SHORTER - 1 : -1])


def _turns(messages: list[Message], hashes: list[Hash], chains: list[Hash]) -> tuple[Turn, ...]:
    """The newest assistant messages; of all but the last only what rules 7 and 10 read."""
    at = [i for i, message in enumerate(messages) if message.role == "assistant"][-MOST_TURNS:]
    if not at:
        return ()
    texts = {i: "".join(messages[i].texts) for i in at}
    old = (Turn(chains[i], chains[i + 1], text=snippet(texts[i])) for i in at[:-1])
    i = at[-1]
    part = messages[i].last_part
    last = Turn(
        before=_before(messages, chains, i),
        upto=chains[i + 1],
        text=snippet(texts[i]),
        message=hashes[i],
        previous=hashes[i - 1] if i else b"",
        tool=next(iter(messages[i].tool_ids), ""),
        last_part=message_hash("assistant", part.blocks) if part and part.blocks else b"",
    )
    return (*old, last)


def _before(messages: list[Message], chains: list[Hash], at: int) -> Hash:
    """Chain of the messages before an assistant message, as they were asked.

    CLI 2.1.233 resumes an interrupted turn by words of its own after the prompt, and an answer that nobody gave.
    """
    *asked, last = (messages[at - 1].blocks if at else ()) or [{}]
    if not asked or last.get("text") != _GO_ON or "".join(messages[at].texts) != NO_RESPONSE:
        return chains[at]
    return chained(chains[at - 1], message_hash("user", asked))


def _tail(messages: list[Message], hashes: list[Hash], chains: list[Hash]) -> Tail | None:
    if not messages or messages[-1].role != "assistant":
        return None
    return Tail(chains[-2], hashes[-2] if len(hashes) > 1 else b"", encode(messages[-1].loose))


def _agent_facts(sent: Sent) -> dict[str, Any]:
    """What an agent was asked, of a request that may be an agent's first (linking.md, "Spawn")."""
    if sent.last_text.startswith(_FORK_MARK):
        return {"fork_agent": True, "prompt": text_hash(clean_text(sent.last_text.partition(_FORK_TASK)[2]))}
    begins = bool(sent.headers.get(AGENT)) or not any(m.role == "assistant" for m in sent.messages)
    first = next((message for message in sent.messages if message.role == "user"), None)
    text = first.texts[-1] if first and first.texts else ""
    if not begins or not text:
        return {}
    if text.startswith(_WORKFLOW_MARK):
        task = textwrap.dedent(text.partition(_WORKFLOW_TASK)[2].lstrip("\n")).strip()
        return {"prompt": text_hash(task), "task": task}
    if text.startswith(_SKILL_MARK) and is_agent(sent):
        folder = text.removeprefix(_SKILL_MARK).partition("\n")[0]
        return {"prompt": skill_hash(re.split(r"[/\\]", folder.rstrip("/\\ "))[-1])}
    return {"prompt": text_hash(text)}


def _summary_facts(sent: Sent, kind: Kind, chains: list[Hash]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if kind == "compaction" and sent.messages and sent.messages[-1].role == "user":
        rest = _without_last_text(sent.messages[-1].blocks)
        found["left"] = chained(chains[-2], message_hash("user", rest)) if rest else chains[-2]
        found["left_answered"] = not rest
    stands = standing_on(sent.messages)
    if stands:
        found |= {"continued": True, "since_summary": stands.turns_after}
        found |= {"summary": letters(stands.text), "summary_sessions": stands.sessions}
    return found


def _without_last_text(blocks: list[Block]) -> list[Block]:
    at = next((i for i in range(len(blocks) - 1, -1, -1) if blocks[i]["type"] == "text"), len(blocks))
    return blocks[:at] + blocks[at + 1 :]


def _query(sent: Sent) -> Hash:
    return text_hash(clean_text(sent.last_text.removeprefix(SEARCH_TASK)))


def _title(messages: list[Message]) -> str:
    """The first text that a person typed."""
    texts = (text for message in messages if message.role == "user" for text in message.texts)
    typed = next(filter(is_typed, texts), "")
    return " ".join(typed[: 10 * _LONGEST_TITLE].split())[:_LONGEST_TITLE].rstrip()


def _pairs(sent: Sent) -> Iterator[tuple[str, str]]:
    """(tool call, agent) as the newest messages name them: in tool results, in notifications (also as reminders).

    Of the agents that a result names the last is its own: before stands the agent's report, which may tell of others.
    """
    for message in sent.newest:
        content = message.get("content") if isinstance(message, dict) else None
        for text in text_of(content):
            if "<task-id>" in text:
                yield from _notified(text)
        for block in content if isinstance(content, list) else []:
            tool = block.get("tool_use_id") if isinstance(block, dict) else None
            if isinstance(tool, str):
                told = [agent for text in text_of(block.get("content")) for agent in _AGENT_ID.findall(text)]
                yield from ((tool, agent) for agent in told[-1:])


def _notified(text: str) -> Iterator[tuple[str, str]]:
    """Pairs of one text, which may hold several notifications; one that does not name its call tells nothing."""
    for notification in _NOTIFICATION.finditer(text):
        call, agent = _CALL_ID.search(notification[1]), _TASK_ID.search(notification[1])
        if call and agent:
            yield call[1].strip(), agent[1].strip()
