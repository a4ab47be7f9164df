"""Branches, models' answers and a model that obeys, for tests of what makes analyses."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from plait.analyzer.insight.prompting import Prompt
from plait.analyzer.insight.settings import InsightSettings
from plait.common.ids import conversation_id
from plait.common.queries.insight import BranchRecord, SubTask
from plait.common.queries.transcript import Turn
from tests.unit.dashboard.exchanges import exchange, number

BOUNDARY: Final = re.compile(r"boundary ([0-9a-f]{32})")


def settings(**values: Any) -> InsightSettings:
    """Settings without an environment."""
    return InsightSettings(_env_file=None, **values)


def user(*content: Any) -> dict[str, Any]:
    """A message of the person, or of tools: texts and blocks."""
    return {"role": "user", "content": [_block(each) for each in content]}


def assistant(*content: Any) -> dict[str, Any]:
    """An answer."""
    return {"role": "assistant", "content": [_block(each) for each in content]}


def call(name: str, given: Any, tool_id: str = "toolu_1") -> dict[str, Any]:
    """A call of a tool."""
    return {"type": "tool_use", "id": tool_id, "name": name, "input": given}


def result(content: Any, tool_id: str = "toolu_1", **more: Any) -> dict[str, Any]:
    """What a tool gave back."""
    return {"type": "tool_result", "tool_use_id": tool_id, "content": content, **more}


def turn(n: int, messages: list[Any], answer: Any, **facts: Any) -> Turn:
    """The nth exchange."""
    body = facts.pop("body", None)
    one = exchange(n, parent=n - 1 if n else None, **{"model": "claude-opus-5-5", **facts})
    return Turn(exchange=one, system=None, messages=messages, body=body, answer=answer)


def branch(*turns: Turn, subtasks: tuple[SubTask, ...] = ()) -> BranchRecord:
    """A branch of these exchanges."""
    return BranchRecord(
        conversation_id=conversation_id(number(0)), branch_id="main", turns=list(turns), subtasks=list(subtasks)
    )


def talk(*texts: str) -> BranchRecord:
    """What was said in turns: a person's text, an answer, and so on."""
    pairs = zip(texts[::2], texts[1::2], strict=True)
    return branch(*(turn(n, [user(asked)], assistant(said)) for n, (asked, said) in enumerate(pairs)))


def answered(**changes: Any) -> str:
    """A model's answer that is an analysis, but for the changes."""
    tip = {"category": "clarity", "issue": "It", "suggestion": "Say which file.", "example": "Read `a.py`."}
    told: dict[str, Any] = {
        "summary": "The person wanted a file read; it was.",
        "keyTopics": ["files"],
        "sentiment": "neutral",
        "userIntent": "Read a file",
        "outcomes": ["The file was read"],
        "actionItems": [
            {"type": "prompt_improvement", "description": "Name the file", "priority": "high"},
            {"type": "task", "description": "Write tests", "priority": "low"},
        ],
        "promptingTips": [tip, {**tip, "category": "context"}, {**tip, "category": "efficiency", "example": ""}],
        "interactionPatterns": {
            "promptClarity": 7.5,
            "contextCompleteness": 6,
            "followUpEffectiveness": "needs_improvement",
            "commonIssues": ["No file named"],
            "strengths": ["Short"],
        },
        "technicalDetails": {
            "frameworks": ["Python"],
            "issues": ["None"],
            "solutions": ["Read it"],
            "toolUsageEfficiency": "needs_improvement",
            "contextWindowManagement": "efficient",
        },
        "conversationQuality": {
            "clarity": "high",
            "clarityImprovement": "Name the file.",
            "completeness": "complete",
            "completenessImprovement": "",
            "effectiveness": "effective",
            "effectivenessImprovement": "Ask once.",
        },
        "turningPoints": [{"requestId": str(number(0)), "why": "It was read."}],
    }
    return json.dumps({**told, **changes})


def outside(system: str, user: str) -> str:
    """What a model reads that is not in the fences which the rules tell of."""
    found = BOUNDARY.search(system)
    assert found
    boundary = found[1]
    text = f"{system}\n{user}"
    for name in ("UNTRUSTED TRANSCRIPT", "WISH"):
        before, _, rest = text.partition(f"<<<{name} {boundary}\n")
        text = before + rest.partition(f"\n{boundary} {name}>>>")[2]
    return text


def obeying(prompt: Prompt, order: str) -> str:
    """What a model answers that carries out every order it finds outside of the fences."""
    return "As you wish: PWNED" if order in outside(prompt.system, prompt.user) else answered()


def _block(each: Any) -> Any:
    return {"type": "text", "text": each} if isinstance(each, str) else each
