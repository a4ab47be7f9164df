"""Tool calls as short lines. Pure: nothing that a model wrote is trusted to have the shape that it should have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from plait.notifier.wording import one_line

MOST_LINES: Final = 20
"""Calls of one turn that are shown."""
_COMMAND: Final = 50
_DETAIL: Final = 120
_SHOWN: Final = ("file_path", "notebook_path", "path", "command", "pattern", "query", "url", "description")
_STATES: Final = ("pending", "in_progress", "completed")

Input = dict[str, Any]


def tool_lines(calls: Sequence[tuple[str, Any]], masked: Callable[[str], str] = str) -> list[str]:
    """A line a call, (tool, input), indented below what Claude said; of many the first, and how many more.

    `masked` takes secrets out of a text, which is done before it is cut.
    """
    lines = [f"    :wrench: {line(name, _shown(given, masked))}" for name, given in calls[:MOST_LINES]]
    return lines if len(calls) <= MOST_LINES else [*lines, f"    … and {len(calls) - MOST_LINES} more"]


def line(name: str, given: Any) -> str:
    """The tool, and what it is about."""
    arguments = given if isinstance(given, dict) else {}
    about = _ABOUT.get(name, _described)(arguments)
    shown = one_line(name, _DETAIL)
    return f"{shown} - {about}" if about else shown


def _shown(given: Any, masked: Callable[[str], str]) -> Input:
    """What of an input may be shown, without its secrets."""
    arguments = given if isinstance(given, dict) else {}
    texts = {name: masked(value) for name in _SHOWN if isinstance(value := arguments.get(name), str)}
    return texts | ({"todos": arguments["todos"]} if "todos" in arguments else {})


def _text(given: Input, *names: str) -> str:
    found = (value for name in names if isinstance(value := given.get(name), str) and value.strip())
    return next(found, "")


def _file(given: Input) -> str:
    """The last two parts of its path."""
    path = _text(given, "file_path", "notebook_path", "path").rstrip("/")
    return one_line("/".join(path.rsplit("/", 2)[-2:]), _DETAIL)


def _folder(given: Input) -> str:
    return one_line(_text(given, "path"), _DETAIL)


def _command(given: Input) -> str:
    command = " ".join(_text(given, "command").replace("`", "'").split())
    return f"Running: `{command if len(command) <= _COMMAND else command[:_COMMAND] + '...'}`" if command else ""


def _sought(given: Input) -> str:
    pattern = one_line(_text(given, "pattern"), _DETAIL)
    return f'Searching for: "{pattern}"' if pattern else ""


def _files_like(given: Input) -> str:
    pattern = one_line(_text(given, "pattern"), _DETAIL)
    return f'Finding files: "{pattern}"' if pattern else ""


def _tasks(given: Input) -> str:
    listed = given.get("todos")
    entries = [one.get("status") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    states = Counter(state for state in entries if isinstance(state, str))
    shown = [f"{states[state]} {state.replace('_', ' ')}" for state in _STATES if states[state]]
    return f"Tasks: {', '.join(shown)}" if shown else ""


def _web_search(given: Input) -> str:
    query = one_line(_text(given, "query"), _DETAIL)
    return f'Searching the web for: "{query}"' if query else ""


def _page(given: Input) -> str:
    try:
        host = urlsplit(_text(given, "url")).hostname
    except ValueError:
        host = None
    return f"Fetching from: {one_line(host, _DETAIL)}" if host else ""


def _described(given: Input) -> str:
    return one_line(_text(given, "description"), _DETAIL)


_ABOUT: Final[dict[str, Callable[[Input], str]]] = {
    **dict.fromkeys(("Read", "Write", "Edit", "MultiEdit", "NotebookEdit"), _file),
    "Bash": _command,
    "Grep": _sought,
    "Glob": _files_like,
    "LS": _folder,
    "TodoWrite": _tasks,
    "WebSearch": _web_search,
    "web_search": _web_search,
    "WebFetch": _page,
    "web_fetch": _page,
}
"""What a tool's line says beside its name; of others (Agent and Task among them) their description."""
