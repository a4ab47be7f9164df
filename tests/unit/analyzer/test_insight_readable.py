"""An analysis in Markdown: all of it, and nothing in it that leads anywhere or is fetched."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import settings as with_settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from plait.analyzer.insight.readable import as_code, plain, to_markdown
from plait.common.analysis import Analysis
from tests.unit.analyzer.branches import answered
from tests.unit.analyzer.injections import INJECTIONS
from tests.unit.dashboard.exchanges import number

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
QUIET = {"text", "text_special", "code_inline", "softbreak", "em_open", "em_close", "strong_open", "strong_close"}


def inline(text: str) -> list[Token]:
    return [child for token in READER.parse(text) for child in token.children or []]


def told(**changes: object) -> str:
    return to_markdown(Analysis.model_validate_json(answered(**changes)))


def everything(text: str) -> str:
    """An analysis all of whose texts are the same."""
    tip = {"category": "clarity", "issue": text, "suggestion": text, "example": text}
    quality = ("clarity", "completeness", "effectiveness")
    return told(
        summary=text,
        keyTopics=[text],
        userIntent=text,
        outcomes=[text],
        actionItems=[{"type": "task", "description": text, "priority": "low"}],
        promptingTips=[tip],
        technicalDetails={
            **{name: [text] for name in ("frameworks", "issues", "solutions")},
            **dict.fromkeys(("toolUsageEfficiency", "contextWindowManagement"), text),
        },
        conversationQuality={**dict.fromkeys(quality, text), **{f"{name}Improvement": text for name in quality}},
        turningPoints=[{"requestId": text, "why": text}],
        costliestSteps=[{"requestId": text, "tokens": 1, "why": text}],
    )


def test_everything_is_told() -> None:
    steps = [{"requestId": str(number(3)), "tokens": 1234, "why": "75% of the branch's cost."}]
    text = told(costliestSteps=steps)
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == [
        *("Summary", "Topics", "Outcomes", "To do", "Prompting tips", "How it was asked", "Technical details"),
        *("Quality", "Turning points", "Costliest steps"),
    ]
    for line in [
        "- **Wanted:** Read a file\n- **Sentiment:** neutral",
        "- **Prompt improvement** (high): Name the file",
        "### 1. Clarity\n\nIt\n\n**Better:** Say which file.\n\n```\nRead `a.py`.\n```",
        "- **Clarity of prompts:** 7.5 of 10\n- **Completeness of context:** 6 of 10\n",
        "- **Follow-ups:** needs improvement\n",
        "- **Clarity:** high. Name the file.\n- **Completeness:** complete\n",
        f"- `{number(0)}`: It was read.",
        f"- `{number(3)}`: 1,234 tokens, 75% of the branch's cost.",
    ]:
        assert line in text
    without = told(keyTopics=[], outcomes=[], actionItems=[], promptingTips=[], turningPoints=[])
    assert re.findall(r"^## (.+)$", without, re.MULTILINE) == [
        *("Summary", "How it was asked", "Technical details", "Quality"),
    ]


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("Use `--fix` and a_b, then  go", "Use `--fix` and a_b, then go"),
        ("see https://evil.example/?q=a.", "see `https://evil.example/?q=a`."),
        ("[a](javascript:alert(1))", r"\[a\](`javascript:alert(1`))"),
        ("![a](//evil.example/x)", r"!\[a\](//`evil.example/x`)"),
        ("write to bo@example.com!", "write to `bo@example.com`!"),
        ("mailto:bo@example.com", "`mailto:bo@example.com`"),
        ("<b>*hi*</b>", r"\<b>\*hi\*\</b>"),
        ("# no heading", r"\# no heading"),
        ("1. no item", r"1\. no item"),
        ("__init__ costs $5", r"\_\_init\_\_ costs \$5"),
        (r"\`![x](http://e.example)\`", r"\\`![x](http://e.example)\`"),
    ],
)
def test_words_stay_words(text: str, markdown: str) -> None:
    assert plain(text) == markdown
    assert {token.type for token in inline(plain(text))} <= QUIET


@pytest.mark.parametrize("injection", INJECTIONS)
def test_nothing_that_a_model_was_talked_into_is_active(injection: str) -> None:
    tokens = inline(everything(injection))
    assert {token.type for token in tokens} <= QUIET
    assert not any("://" in token.content for token in tokens if token.type != "code_inline")


PIECES = st.sampled_from(
    [
        *"`*_[]()<>!#|~&:;\\/.-+=\"'$@ \n\t09aB",
        "](",
        "![",
        "http://",
        "www.",
        "```",
        "\\`",
        "&#96;",
        "&lt;",
        "<img src=x>",
        "x.io",
    ]
)


@with_settings(deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join))
def test_no_text_becomes_markdown(text: str) -> None:
    parsed = READER.parse(f"- **Issue:** {plain(text)}\n\n{plain(text)}\n")
    kinds = {token.type for token in parsed} - {"inline"}
    assert kinds <= {
        f"{block}_{end}" for block in ("paragraph", "bullet_list", "list_item") for end in ("open", "close")
    }
    children = [child for token in parsed for child in token.children or []]
    assert {child.type for child in children} <= QUIET


@with_settings(deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join))
def test_nothing_ends_a_block_of_code(text: str) -> None:
    (fence,) = READER.parse(as_code(text))
    assert fence.type == "fence"
    assert fence.content.split() == text.split()
