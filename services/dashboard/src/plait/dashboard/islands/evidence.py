"""Why an exchange stands where it stands in its conversation, in a sentence: the linker's rule and what it saw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from plait.common.queries.records import Evidence
from plait.dashboard.islands.texts import one_line

Detail = Mapping[str, Any]


def tell(evidence: Evidence) -> str:
    """The rule (docs/linking.md) and its evidence for readers; a rule that is not known here by its name."""
    detail = evidence.detail if isinstance(evidence.detail, dict) else {}
    sentence = _SENTENCES.get(evidence.rule)
    return sentence(detail) if sentence else f"by the rule “{evidence.rule}”"


def _count(detail: Detail) -> str:
    count = detail.get("messages")
    return "Its messages" if not isinstance(count, int) else "Its first message" if count == 1 else f"{count} messages"


def _match(detail: Detail) -> str:
    return f"{_count(detail)} and the answer after them are what the parent was asked and said."


def _retry(detail: Detail) -> str:
    return f"The same request again, after an attempt that ended {_word(detail.get('ended'), 'without an answer')}."


def _spawn(detail: Detail) -> str:
    how = {
        "named": "a later result or notification names this agent",
        "prompt": "its prompt is this request's",
        "workflow": "its script runs this agent",
        "history": "this request begins with its history",
    }.get(str(detail.get("by")), "it fits")
    return f"The parent's answer calls a sub-agent, and {how} (call {_word(detail.get('call'), 'unknown')})."


def _fork(detail: Detail) -> str:
    if "messages" in detail:
        return f"{_count(detail)} and the answer after them are another session's: a fork."
    return "It goes on from another session, with the beginning of its answer: a fork."


def _compaction(detail: Detail) -> str:
    left = " without its last answer" if detail.get("answerLeftOut") else ""
    return f"It asks for a summary of the parent's messages{left}."


def _summary(_: Detail) -> str:
    return "It stands on a summary that the parent's answer holds: the conversation goes on after a compaction."


def _thread(detail: Detail) -> str:
    return f"Its thread names the parent's answer {_word(detail.get('message'), '')}.".replace(" .", ".")


def _tool_call(detail: Detail) -> str:
    return f"It brings back the tool call {_word(detail.get('tool'), '')}, which the parent issued."


def _answer(detail: Detail) -> str:
    begins = "the same" if detail.get("begins") == "alike" else "another"
    return f"Its last answer is the parent's; the history before was edited ({begins} beginning)."


def _edited(detail: Detail) -> str:
    ended = _word(detail.get("answer"), "not known")
    return f"Its messages before the last answer are the parent's; that one's own answer: {ended}."


def _domain_match(detail: Detail) -> str:
    return f"{_count(detail)} match an exchange of another session of the domain."


def _domain_tool_call(detail: Detail) -> str:
    return f"The tool call {_word(detail.get('tool'), '')} was issued in another session of the domain."


def _dropped(detail: Detail) -> str:
    return f"{_count(detail)} match; the turns between were dropped, or never recorded."


def _serves(detail: Detail) -> str:
    by = _SENTENCES.get(str(detail.get("by")))
    told = f" {by(detail)}" if by else " It belongs to the same session, and was made beside it."
    return f"A side call.{told}"


def _none(_: Detail) -> str:
    return "Nothing recorded before it fits: it begins a conversation, or stands alone."


def _word(value: object, otherwise: str) -> str:
    return one_line(str(value), 60) if value else otherwise


_SENTENCES: Final[dict[str, Callable[[Detail], str]]] = {
    "match": _match,
    "retry": _retry,
    "spawn": _spawn,
    "fork": _fork,
    "compaction": _compaction,
    "summary": _summary,
    "thread": _thread,
    "tool_call": _tool_call,
    "answer": _answer,
    "edited": _edited,
    "domain_match": _domain_match,
    "domain_tool_call": _domain_tool_call,
    "dropped_turns": _dropped,
    "serves": _serves,
    "none": _none,
}
