"""What an exchange is in one line."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from plait.common.bodies import take_apart_request
from plait.linker.preview import LONGEST, preview

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


def called(*calls: tuple[str, dict[str, Any]]) -> list[Any]:
    """A turn that brings the results of these calls, and the turn of the assistant that made them."""
    numbered = list(enumerate(calls))
    uses = [{"type": "tool_use", "id": str(n), "name": name, "input": given} for n, (name, given) in numbered]
    results = [{"type": "tool_result", "tool_use_id": str(n), "content": "text"} for n, _ in numbered]
    return [{"role": "assistant", "content": uses}, {"role": "user", "content": results}]


@pytest.mark.parametrize(
    ("name", "given", "line"),
    [
        ("Bash", {"command": "make\n  test", "description": "Run the tests"}, "Bash make test"),
        ("Read", {"file_path": "/home/dev/plait/src/spool.py"}, "Read src/spool.py"),
        ("Edit", {"file_path": "spool.py", "old_string": "a", "new_string": "b"}, "Edit spool.py"),
        ("Write", {"file_path": "/a.txt", "content": "long"}, "Write /a.txt"),
        ("Grep", {"pattern": "def run", "path": "/src"}, "Grep def run"),
        ("Agent", {"description": "Find the leak", "prompt": "You are"}, "Agent Find the leak"),
        ("mcp__x__find", {"query": "leak"}, "mcp__x__find leak"),
        ("Bash", {"command": "printf '\0'"}, "Bash printf ''"),
        ("Bash", {"command": " "}, "Bash"),
        ("Bash", {"command": 7}, "Bash"),
        ("TodoWrite", {"todos": []}, "TodoWrite"),
    ],
)
def test_a_tool_turn_names_the_tool_and_its_argument(name: str, given: dict[str, Any], line: str) -> None:
    assert said(*called((name, given))) == line


def test_several_calls_stand_side_by_side_and_a_long_line_is_cut() -> None:
    assert said(*called(("Bash", {"command": "ls"}), ("Read", {"file_path": "a"}))) == "Bash ls, Read a"
    line = said(*called(("Bash", {"command": "x" * 500})))
    assert line is not None
    assert (len(line), line[:6], line[-1]) == (200, "Bash x", "…")


def test_a_result_whose_call_is_not_there_is_a_tool_result() -> None:
    assert said(RESULT) == "tool result"


def test_no_nul_is_in_a_preview() -> None:
    assert said({"role": "user", "content": "a\0b"}) == "ab"


def test_reminders_that_never_end_cost_no_more_than_their_length() -> None:
    """Each could begin one that ends far below; looking for the end of each would take hours."""
    line = said({"role": "user", "content": "Why? " + "<system-reminder>" * 200_000})
    assert line == ("Why? " + "<system-reminder>" * 12)[: LONGEST - 1] + "…"
