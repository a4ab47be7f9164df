"""`/docs`: the OpenAPI document as one page of plain HTML, which loads nothing and runs nothing."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any, Final

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
}
_STYLE: Final = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin-top: 2.5rem; border-top: 1px solid #8884; padding-top: 1.5rem }
code { font: 0.9em ui-monospace, monospace; overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100% }
td:first-child { white-space: nowrap }
td { text-align: left; vertical-align: top; padding: 0.3rem 0.8rem 0.3rem 0; border-bottom: 1px solid #8883 }
"""


def render(document: dict[str, Any]) -> str:
    """The whole page."""
    info = document["info"]
    body = [f"<h1>{escape(info['title'])} <small>{escape(info['version'])}</small></h1>"]
    body.append(f"<p>{escape(info['description'])}</p>")
    body.append('<p>The same for programs: <a href="openapi.json">openapi.json</a>.</p>')
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            body.extend(_operation(method, path, operation))
    body.append("<h2>Fields</h2>")
    for name, schema in document["components"]["schemas"].items():
        body.extend(_schema(name, schema))
    title = escape(info["title"])
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><main>{''.join(body)}</main></body></html>"
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> Iterable[str]:
    yield f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{escape(operation.get('description', ''))}</p>"
    if parameters := operation.get("parameters"):
        yield "<h3>Parameters</h3>"
        yield _table((p["name"], _type(p["schema"]), p.get("description", "")) for p in parameters)
    yield "<h3>Answers</h3>"
    yield _table((status, _answer(r), r["description"]) for status, r in operation["responses"].items())


def _schema(name: str, schema: dict[str, Any]) -> Iterable[str]:
    yield f'<h3 id="{escape(name)}">{escape(name)}</h3><p>{escape(schema.get("description", ""))}</p>'
    yield _table((field, _type(kind), "") for field, kind in schema.get("properties", {}).items())


def _table(rows: Iterable[tuple[str, str, str]]) -> str:
    cells = (f"<tr><td><code>{escape(a)}</code><td>{b}<td>{escape(c)}</tr>" for a, b, c in rows)
    return f"<table>{''.join(cells)}</table>"


def _answer(response: dict[str, Any]) -> str:
    content = response.get("content", {}).get("application/json", {})
    return _type(content["schema"]) if "schema" in content else ""


def _type(schema: dict[str, Any]) -> str:
    """A schema in one line of HTML."""
    if reference := schema.get("$ref"):
        name = escape(reference.rsplit("/", 1)[-1])
        return f'<a href="#{name}">{name}</a>'
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(_type(choice) for choice in choices)
    if values := schema.get("enum"):
        return ", ".join(f"<code>{escape(str(value))}</code>" for value in values)
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items') or {})}"
    kind = escape(schema.get("format") or schema.get("type") or "any JSON")
    return f"{kind}, default {escape(str(schema['default']))}" if schema.get("default") is not None else kind
