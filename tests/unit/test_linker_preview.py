"""What an exchange is in one line."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from plait.common.bodies import take_apart_request
from plait.linker.preview import preview

CALL = {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "Read", "input": {}}]}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "text"}]}
ENVIRONMENT = {"role": "system", "content": [{"type": "text", "text": "# Environment"}]}


def said(*messages: Any) -> str | None:
    return preview(take_apart_request(msgspec.json.encode({"model": "m", "max_tokens": 1, "messages": list(messages)})))


@pytest.mark.parametrize(
    ("messages", "line"),
    [
        ([{"role": "user", "content": "Why  is\nit late?"}], "Why is it late?"),
        ([{"role": "user", "content": "<system-reminder>r</system-reminder>Why?"}], "Why?"),
        ([{"role": "user", "content": "Why?"}, ENVIRONMENT], "Why?"),
        ([{"role": "user", "content": "Why?"}, CALL, RESULT], "Read"),
        ([{"role": "user", "content": "Why?"}, CALL, RESULT, ENVIRONMENT], "Read"),
        ([ENVIRONMENT], "# Environment"),
        ([], None),
    ],
)
def test_a_preview_is_the_prompt_or_the_tools(messages: list[Any], line: str | None) -> None:
    assert said(*messages) == line
