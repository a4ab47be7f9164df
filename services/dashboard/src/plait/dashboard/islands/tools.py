"""Calls of the tools that Claude Code has, shown as what they do; any other as its arguments."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from markupsafe import Markup

from plait.dashboard.islands.code import difference, highlight
from plait.dashboard.islands.markdown import markdown
from plait.dashboard.islands.texts import clip, one_line

Arguments = Mapping[str, Any]

AGENTS: Final = frozenset({"Task", "Agent", "Workflow"})
"""Tools that start a sub-agent."""

_TELLING: Final = (
    *("file_path", "notebook_path", "path", "command", "pattern", "query", "url", "description", "prompt"),
    *("skill", "subject", "question", "title"),
)
"""Arguments that say in one line what a call is about, the most telling first."""


def headline(name: str, arguments: Arguments) -> str:
    """What the call is about, in one line."""
    if name in AGENTS and arguments.get("description"):
        return one_line(str(arguments["description"]))
    if name == "TodoWrite":
        return _progress(arguments)
    telling = next((arguments[key] for key in _TELLING if isinstance(arguments.get(key), str)), None)
    return one_line(telling if telling is not None else json.dumps(arguments, ensure_ascii=False))


def body(name: str, arguments: Arguments) -> Markup:
    """The call unfolded."""
    try:
        return _BODIES.get(name, _as_json)(arguments)
    except (KeyError, TypeError, AttributeError):
        return _as_json(arguments)


def _as_json(arguments: Arguments) -> Markup:
    return _code(json.dumps(arguments, ensure_ascii=False, indent=2), "json")


def _code(text: str, language: str = "", filename: str = "") -> Markup:
    return Markup('<pre class="code">{}</pre>').format(highlight(clip(text), language, filename))


def _shell(arguments: Arguments) -> Markup:
    return _code(str(arguments["command"]), "bash")


def _edit(arguments: Arguments) -> Markup:
    changes = difference(clip(arguments["old_string"]), clip(arguments["new_string"]))
    return Markup('<div class="file">{}</div><pre class="code">{}</pre>').format(arguments["file_path"], changes)


def _write(arguments: Arguments) -> Markup:
    name = str(arguments["file_path"])
    return Markup('<div class="file">{}</div>{}').format(name, _code(str(arguments["content"]), filename=name))


def _spawn(arguments: Arguments) -> Markup:
    return markdown(clip(str(arguments["prompt"])))


def _todos(arguments: Arguments) -> Markup:
    items = (Markup('<li class="{}">{}</li>').format(t["status"], t["content"]) for t in arguments["todos"])
    return Markup('<ul class="todos">{}</ul>').format(Markup("").join(items))


def _progress(arguments: Arguments) -> str:
    todos = arguments.get("todos")
    states = [t.get("status") for t in todos if isinstance(t, dict)] if isinstance(todos, list) else []
    return f"{states.count('completed')} of {len(states)} done"


_BODIES: Final[dict[str, Callable[[Arguments], Markup]]] = {
    "Bash": _shell,
    "Edit": _edit,
    "Write": _write,
    "Task": _spawn,
    "Agent": _spawn,
    "TodoWrite": _todos,
}
