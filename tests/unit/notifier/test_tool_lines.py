"""Tool calls as short lines."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.common.redaction import SECRETS, Redactor
from plait.notifier.tools import MOST_LINES, line, tool_lines

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
TODOS = [
    {"status": state} for state in ("pending", "in_progress", "in_progress", "completed", "completed", "completed")
]


@pytest.mark.parametrize(
    ("tool", "given", "shown"),
    [
        ("Read", {"file_path": "/home/me/app/src/main.py"}, "Read - src/main.py"),
        ("Read", {"file_path": "main.py"}, "Read - main.py"),
        ("Write", {"file_path": "/etc/hosts", "content": "secret"}, "Write - etc/hosts"),
        ("Edit", {"file_path": "a/b/c.md", "old_string": "x", "new_string": "y"}, "Edit - b/c.md"),
        ("NotebookEdit", {"notebook_path": "/n/a.ipynb"}, "NotebookEdit - n/a.ipynb"),
        ("Bash", {"command": "make test", "description": "Run tests"}, "Bash - Running: `make test`"),
        ("Bash", {"command": "x" * 50}, f"Bash - Running: `{'x' * 50}`"),
        ("Bash", {"command": "x" * 51}, f"Bash - Running: `{'x' * 50}...`"),
        ("Bash", {"command": "echo `date`\nls"}, "Bash - Running: `echo 'date' ls`"),
        ("Grep", {"pattern": "def main", "path": "src"}, 'Grep - Searching for: "def main"'),
        ("Glob", {"pattern": "**/*.py"}, 'Glob - Finding files: "**/*.py"'),
        ("LS", {"path": "/home/me/app"}, "LS - /home/me/app"),
        ("TodoWrite", {"todos": TODOS}, "TodoWrite - Tasks: 1 pending, 2 in progress, 3 completed"),
        ("TodoWrite", {"todos": TODOS[:1]}, "TodoWrite - Tasks: 1 pending"),
        ("TodoWrite", {"todos": [1, None, {"status": []}]}, "TodoWrite"),
        ("WebSearch", {"query": "tides in May"}, 'WebSearch - Searching the web for: "tides in May"'),
        ("WebFetch", {"url": "https://docs.test/a?b=c", "prompt": "x"}, "WebFetch - Fetching from: docs.test"),
        ("WebFetch", {"url": "http://[broken"}, "WebFetch"),
        ("Agent", {"description": "Find readers", "prompt": "long"}, "Agent - Find readers"),
        ("Task", {"description": "Find readers"}, "Task - Find readers"),
        ("mcp__jira__get", {"description": "Get a ticket"}, "mcp__jira__get - Get a ticket"),
        ("mcp__jira__get", {"id": 3}, "mcp__jira__get"),
        ("Read", {"file_path": 3}, "Read"),
        ("Read", None, "Read"),
    ],
)  # fmt: skip
def test_each_tool_has_its_form(tool: str, given: Any, shown: str) -> None:
    assert line(tool, given) == shown
    assert tool_lines([(tool, given)]) == [f"    :wrench: {shown}"]


@settings(deadline=None)
@given(st.text(), JSON)
def test_whatever_comes_is_one_short_line(tool: str, given: Any) -> None:
    (shown,) = tool_lines([(tool, given)])
    assert len(shown.splitlines()) == 1
    assert len(shown) < 300


def test_of_many_the_first_are_shown() -> None:
    lines = tool_lines([("LS", {"path": f"/{n}"}) for n in range(MOST_LINES + 3)])
    assert len(lines) == MOST_LINES + 1
    assert lines[-1] == "    … and 3 more"


def test_a_secret_that_the_cut_would_break_is_masked_before() -> None:
    key = "sk-ant-api03-" + "Ab1_" * 20
    command = f"curl -s https://x.test -H 'x-api-key: {key}'"
    (shown,) = tool_lines([("Bash", {"command": command})], Redactor(SECRETS).text)
    assert "Ab1_" not in shown
