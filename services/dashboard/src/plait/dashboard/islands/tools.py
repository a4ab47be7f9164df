"""Calls of the tools that Claude Code has and their results, shown as what they do; any other as they stand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec
from markupsafe import Markup, escape

from plait.dashboard.islands.code import changed_lines, colour_json, difference, highlight, numbered
from plait.dashboard.islands.markdown import markdown, plain
from plait.dashboard.islands.texts import clip, one_line

Arguments = Mapping[str, Any]
Code = Callable[[str, str], Markup]
"""Draws code of a language."""

AGENTS: Final = frozenset({"Task", "Agent", "Workflow"})
"""Tools that start a sub-agent."""
_TELLING: Final = (
    *("file_path", "notebook_path", "path", "command", "pattern", "query", "url", "description", "prompt"),
    *("skill", "subject", "question", "title"),
)
"""Arguments that say in one line what a call is about, the most telling first."""
_STATES: Final = {"completed": "done", "in_progress": "doing", "pending": "to do"}


def headline(name: str, arguments: Arguments) -> str:
    """What the call is about, in one line."""
    if name in AGENTS and arguments.get("description"):
        return one_line(str(arguments["description"]))
    if name == "TodoWrite":
        return _progress(arguments)
    telling = next((arguments[key] for key in _TELLING if isinstance(arguments.get(key), str)), None)
    told = one_line(telling if telling is not None else as_json(arguments))
    return f"{told} {_size(name, arguments)}".rstrip()


def body(name: str, arguments: Arguments, *, colours: bool = True) -> Markup:
    """The call unfolded."""
    code = coloured if colours else uncoloured
    try:
        return _BODIES.get(name, _as_json)(arguments, code)
    except (KeyError, TypeError, AttributeError):
        return _as_json(arguments, code)


def result(name: str, arguments: Arguments, text: str, *, colours: bool = True) -> Markup:
    """What the call brought, unfolded."""
    told = clip(text)
    if not colours:
        return plain(told)
    if name == "Read" and (shown := numbered(told, str(arguments.get("file_path", "")))):
        return _pre(shown)
    return markdown(told) if name in _PROSE else plain(told)


def as_json(value: object) -> str:
    """A JSON value as people write it."""
    try:
        return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    except (UnicodeEncodeError, OverflowError):  # half a character, an integer of more than 64 bits
        return json.dumps(value, ensure_ascii=False, indent=2)


def coloured(text: str, language: str = "") -> Markup:
    """A block of code in colours."""
    told = clip(text)
    return _pre(colour_json(told) if language == "json" else highlight(told, language))


def uncoloured(text: str, language: str = "") -> Markup:  # noqa: ARG001 - as `coloured`
    """A block of code as it stands."""
    return _pre(escape(clip(text)))


def _pre(shown: Markup, kind: str = "") -> Markup:
    return Markup('<pre class="code{}">{}</pre>').format(kind, shown)


def _as_json(arguments: Arguments, code: Code) -> Markup:
    return code(as_json(arguments), "json")


def _shell(arguments: Arguments, code: Code) -> Markup:
    return _note(arguments.get("description")) + code(str(arguments["command"]), "bash")


def _note(said: object) -> Markup:
    return Markup('<p class="soft">{}</p>').format(one_line(said)) if isinstance(said, str) else Markup("")


def _file(name: object) -> Markup:
    return Markup('<div class="file">{}</div>').format(clip(str(name)))


def _edit(arguments: Arguments, _: Code) -> Markup:
    return _file(arguments["file_path"]) + _change(arguments)


def _edits(arguments: Arguments, _: Code) -> Markup:
    return _file(arguments["file_path"]) + Markup("").join(map(_change, arguments["edits"]))


def _change(edit: Arguments) -> Markup:
    return _pre(difference(clip(edit["old_string"]), clip(edit["new_string"])), " diff")


def _write(arguments: Arguments, _: Code) -> Markup:
    return _file(arguments["file_path"]) + _pre(difference("", clip(arguments["content"])), " diff")


def _spawn(arguments: Arguments, _: Code) -> Markup:
    return markdown(clip(str(arguments["prompt"])))


def _script(arguments: Arguments, code: Code) -> Markup:
    return code(str(arguments["script"]), "javascript")


def _todos(arguments: Arguments, _: Code) -> Markup:
    return Markup('<ul class="todos">{}</ul>').format(Markup("").join(map(_todo, arguments["todos"])))


def _todo(item: Mapping[str, Any]) -> Markup:
    """Its state is a class of ours, whatever else the client calls one."""
    state = item["status"] if item["status"] in _STATES else "pending"
    told = Markup('<li class="{}"><span class="state">{}</span>{}</li>')
    return told.format(state, _STATES[state], clip(str(item["content"])))


def _progress(arguments: Arguments) -> str:
    todos = arguments.get("todos")
    states = [t.get("status") for t in todos if isinstance(t, dict)] if isinstance(todos, list) else []
    return f"{states.count('completed')} of {len(states)} done"


def _size(name: str, arguments: Arguments) -> str:
    """Lines that a change brings and takes."""
    if name not in _CHANGES:
        return ""
    try:
        came, went = _sum(changed_lines(clip(old), clip(new)) for old, new in _CHANGES[name](arguments))
    except (KeyError, TypeError, AttributeError):
        return ""
    return f"+{came} −{went}"


def _sum(counts: Iterable[tuple[int, int]]) -> tuple[int, int]:
    pairs = list(counts)
    return sum(came for came, _ in pairs), sum(went for _, went in pairs)


_CHANGES: Final[dict[str, Callable[[Arguments], list[tuple[str, str]]]]] = {
    "Edit": lambda a: [(a["old_string"], a["new_string"])],
    "MultiEdit": lambda a: [(e["old_string"], e["new_string"]) for e in a["edits"]],
    "Write": lambda a: [("", a["content"])],
}
_PROSE: Final = AGENTS | {"WebFetch", "WebSearch"}
"""Tools that answer as people write."""
_BODIES: Final[dict[str, Callable[[Arguments, Code], Markup]]] = {
    "Bash": _shell,
    "Edit": _edit,
    "MultiEdit": _edits,
    "Write": _write,
    "Task": _spawn,
    "Agent": _spawn,
    "Workflow": _script,
    "TodoWrite": _todos,
}
