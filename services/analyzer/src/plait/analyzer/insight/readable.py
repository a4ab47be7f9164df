"""An analysis as Markdown, for people and for other tools. Nothing in it leads anywhere or is fetched.

What a model wrote is a text and never Markdown: a picture in it could carry what it read to whoever serves it. Two
things of it are kept: code in backticks, and addresses, as code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from plait.common.analysis import (
    ActionItem,
    Analysis,
    ConversationQuality,
    CostlyStep,
    InteractionPatterns,
    PromptingTip,
    TechnicalDetails,
)

_CODE: Final = re.compile(
    r"`(?P<code>[^`\n]{1,2000})`"
    r"|(?P<address>(?<![\w.+-])(?:[A-Za-z][A-Za-z0-9+.-]{0,30}:[^\s`]{1,2000}"
    r"|(?:[\w-]{1,63}[.@]){1,8}[^\W\d_]{2,24}(?:[/?#:][^\s`]{0,2000})?))"
)
"""Addresses of every scheme, and what some readers take for one: names with dots."""
_SPECIAL: Final = re.compile(r"([\\`*\[\]<$]|(?<![^\W_])_|_(?![^\W_]))")
_LINE_BEGIN: Final = re.compile(r"^([#>+=~|-]|\d{1,9}(?=[.)]))")
_TICKS: Final = re.compile(r"`{3,}")
_PUNCTUATION: Final = ".,;:!?)'\""


def to_markdown(analysis: Analysis) -> str:
    """All of it, in the order in which people want to know it; parts without anything in them are left out."""
    return "\n\n".join(_blocks(analysis)) + "\n"


def as_code(text: str, language: str = "") -> str:
    """A block of code that nothing in it can end."""
    fence = "`" * max(3, *(len(run) + 1 for run in _TICKS.findall(text)), 3)
    return f"{fence}{language}\n{text}\n{fence}"


def plain(text: str) -> str:
    """One line that means nothing in Markdown, but for code and addresses, which stand as code."""
    line = " ".join(text.split())
    parts: list[str] = []
    place = 0
    for match in _CODE.finditer(line):
        code = match["code"] or match["address"]
        kept = code if match["code"] else code.rstrip(_PUNCTUATION)
        parts += (_escaped(line[place : match.start()]), f"`{kept}`", _escaped(code[len(kept) :]))
        place = match.end()
    return _LINE_BEGIN.sub(_no_mark, "".join((*parts, _escaped(line[place:]))))


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _no_mark(match: re.Match[str]) -> str:
    """A number is no item of a list if what follows it is escaped."""
    return f"{match[1]}\\" if match[1].isdigit() else f"\\{match[1]}"


def _blocks(told: Analysis) -> Iterator[str]:
    yield f"## Summary\n\n{plain(told.summary)}"
    yield f"- **Wanted:** {plain(told.user_intent)}\n- **Sentiment:** {told.sentiment}"
    yield from _list("Topics", map(plain, told.key_topics))
    yield from _list("Outcomes", map(plain, told.outcomes))
    yield from _list("To do", map(_item, told.action_items))
    yield from _tips(told.prompting_tips)
    yield from _list("How it was asked", _patterns(told.interaction_patterns))
    yield from _list("Technical details", _technical(told.technical_details))
    yield from _list("Quality", _quality(told.conversation_quality))
    yield from _list("Turning points", (f"`{one.request_id}`: {plain(one.why)}" for one in told.turning_points))
    yield from _list("Costliest steps", map(_step, told.costliest_steps))


def _list(heading: str, lines: Iterable[str]) -> Iterator[str]:
    items = [f"- {line}" for line in lines if line]
    if items:
        yield "\n".join([f"## {heading}\n", *items])


def _item(item: ActionItem) -> str:
    return f"**{_words(item.type)}** ({item.priority}): {plain(item.description)}"


def _step(step: CostlyStep) -> str:
    return f"`{step.request_id}`: {step.tokens:,} tokens, {plain(step.why)}"


def _tips(tips: Sequence[PromptingTip]) -> Iterator[str]:
    for number, tip in enumerate(tips, 1):
        heading = "## Prompting tips\n\n" if number == 1 else ""
        yield f"{heading}### {number}. {_words(tip.category)}\n\n{plain(tip.issue)}"
        yield f"**Better:** {plain(tip.suggestion)}"
        if tip.example.strip():
            yield as_code(tip.example.strip())


def _patterns(told: InteractionPatterns) -> Iterator[str]:
    yield f"**Clarity of prompts:** {told.prompt_clarity:g} of 10"
    yield f"**Completeness of context:** {told.context_completeness:g} of 10"
    yield f"**Follow-ups:** {_words(told.follow_up_effectiveness).lower()}"
    yield from (f"**Strength:** {plain(each)}" for each in told.strengths)
    yield from (f"**Issue:** {plain(each)}" for each in told.common_issues)


def _technical(told: TechnicalDetails) -> Iterator[str]:
    if told.frameworks:
        yield f"**Worked with:** {', '.join(map(plain, told.frameworks))}"
    yield from (f"**Problem:** {plain(each)}" for each in told.issues)
    yield from (f"**Solution:** {plain(each)}" for each in told.solutions)
    if told.tool_usage_efficiency:
        yield f"**Use of tools:** {plain(_words(told.tool_usage_efficiency).lower())}"
    if told.context_window_management:
        yield f"**Use of the context:** {plain(_words(told.context_window_management).lower())}"


def _quality(told: ConversationQuality) -> Iterator[str]:
    grades = (
        ("Clarity", told.clarity, told.clarity_improvement),
        ("Completeness", told.completeness, told.completeness_improvement),
        ("Effectiveness", told.effectiveness, told.effectiveness_improvement),
    )
    for name, grade, improvement in grades:
        yield f"**{name}:** {plain(grade)}{'. ' if improvement else ''}{plain(improvement)}"


def _words(name: str) -> str:
    """`needs_improvement` as people write it."""
    return name.replace("_", " ").capitalize()
