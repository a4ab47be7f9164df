"""The analysis that a scripted model makes up: it has the form that is asked for, and fits the text a little."""

from __future__ import annotations

import re
from typing import Any, Final

_UUID: Final = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_TOOL: Final = re.compile(r"\b(Read|Write|Edit|Bash|Grep|Glob|Agent|Task|WebFetch|WebSearch|TodoWrite)\b")
_TURNING: Final = "Here the request became precise enough to be carried out."


def analysis_of(prompt: str) -> dict[str, Any]:
    """What a model might say of the conversation that a prompt tells of."""
    exchanges = list(dict.fromkeys(_UUID.findall(prompt)))
    tools = sorted(set(_TOOL.findall(prompt)))
    used = f"with {', '.join(tools)}" if tools else "without tools"
    turn, count = len(prompt) + len(exchanges), max(1, len(exchanges))
    return {
        "summary": f"A short piece of work in {count} exchanges, {used}. {_COURSES[turn % len(_COURSES)]}",
        "keyTopics": ["Reading and changing files" if tools else "Questions and answers", "Working step by step"],
        "sentiment": _MOODS[turn % len(_MOODS)],
        "userIntent": "To have a small task carried out, and to understand the result.",
        "outcomes": ["The task was carried out.", "The result was explained in a few words."],
        "actionItems": [
            {"type": "task", "description": "Look at the result once more with fresh eyes.", "priority": "medium"},
            {"type": "prompt_improvement", "description": "Name the files that may be changed.", "priority": "high"},
            {"type": "prompt_improvement", "description": "Say how the result is to be checked.", "priority": "medium"},
        ],
        "promptingTips": [_TIPS[(turn + 2 * n) % len(_TIPS)] for n in range(3)],
        "interactionPatterns": {
            "promptClarity": 5 + len(prompt) % 5,
            "contextCompleteness": 4 + len(prompt) % 6,
            "followUpEffectiveness": "good",
            "commonIssues": ["The scope of requests was left open."],
            "strengths": ["Requests were short and had one aim each."],
        },
        "technicalDetails": {
            "frameworks": [],
            "issues": ["A tool was called twice with the same input."] if tools else [],
            "solutions": ["The second call was left out."] if tools else [],
            "toolUsageEfficiency": "good" if tools else "no tools were used",
            "contextWindowManagement": "The context stayed small; nothing had to be compacted.",
        },
        "conversationQuality": {
            "clarity": "high",
            "clarityImprovement": "State the aim in the first sentence.",
            "completeness": "partial",
            "completenessImprovement": "Close with what was left open.",
            "effectiveness": "effective",
            "effectivenessImprovement": "Ask for a check of the result in the same request.",
        },
        "turningPoints": [{"requestId": exchanges[-1], "why": _TURNING}] if exchanges else [],
    }


_MOODS: Final = ("positive", "neutral", "positive", "mixed")
_COURSES: Final = (
    "The assistant followed the requests closely and said what it did; one had to be made twice, its scope was open.",
    "What was wanted became clear with the second request; from there on each step was short and to the point.",
    "It went straight to the result, and ended without a check of what had been done.",
)
_TIPS: Final = [
    {
        "category": "specificity",
        "issue": "The request did not say which files it was about.",
        "suggestion": "Name the files, or how they can be found.",
        "example": "In src/parser.py, make parse_line accept empty lines.",
    },
    {
        "category": "context",
        "issue": "What had been tried before was not told.",
        "suggestion": "Begin with what you know and what has failed already.",
        "example": "I have tried a longer timeout; the call still fails after 5 s.",
    },
    {
        "category": "clarity",
        "issue": "Two wishes stood in one sentence.",
        "suggestion": "Put each wish on a line of its own.",
        "example": "1. Rename the function. 2. Change its callers.",
    },
    {
        "category": "efficiency",
        "issue": "A long answer was asked for where a line would do.",
        "suggestion": "Say how long the answer may be.",
        "example": "In one sentence: which port does the server listen on?",
    },
    {
        "category": "structure",
        "issue": "The aim came at the end, behind the details.",
        "suggestion": "Put the aim first, then what to mind.",
        "example": "Goal: a faster start. Mind: no new dependency.",
    },
    {
        "category": "specificity",
        "issue": "It was not said how the result would be checked.",
        "suggestion": "Name the command whose success ends the task.",
        "example": "You are done when `make test` passes.",
    },
    {
        "category": "context",
        "issue": "The version in use was left to be guessed.",
        "suggestion": "Name versions where an answer depends on them.",
        "example": "We are on Python 3.11 and Postgres 18.",
    },
]
