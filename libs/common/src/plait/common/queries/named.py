"""SQL as named, described blocks in files, with parameters by name and conditions that can be left out.

A block begins with `-- name: <name>`; the comment lines that follow describe it. `:name` is a parameter. A line that
ends with `--?` is left out when a parameter on it is None. `{name}` on a line of its own stands for another block of
the same file, which may hold others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

_HEAD = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_INCLUDE = re.compile(r"^[ ]*\{(\w+)\}$", re.MULTILINE)
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)")
_OPTIONAL = "--?"


@dataclass(frozen=True)
class Statement:
    """One block of a file."""

    name: str
    description: str
    sql: str

    def bind(self, values: Mapping[str, object]) -> tuple[str, list[object]]:
        """The statement as Postgres wants it, with `$1`… and their values.

        Raises:
            KeyError: the statement names a parameter that `values` lacks.
        """
        absent = frozenset(name for name, value in values.items() if value is None)
        sql, names = _numbered(self.sql, absent)
        return sql, [values[name] for name in names]


@lru_cache(maxsize=1024)
def _numbered(sql: str, absent: frozenset[str]) -> tuple[str, tuple[str, ...]]:
    kept = [_plain(line) for line in sql.splitlines() if not _left_out(line, absent)]
    names: dict[str, int] = {}
    text = _PARAMETER.sub(lambda m: f"${names.setdefault(m[1], len(names) + 1)}", "\n".join(kept))
    return text, tuple(names)


def _left_out(line: str, absent: frozenset[str]) -> bool:
    return line.endswith(_OPTIONAL) and not absent.isdisjoint(_PARAMETER.findall(line))


def _plain(line: str) -> str:
    return line.removesuffix(_OPTIONAL).rstrip()


def statements(noun: str) -> dict[str, Statement]:
    """The blocks of `<noun>.sql` by name."""
    text = (resources.files("plait.common.queries") / f"{noun}.sql").read_text(encoding="utf-8")
    _, *parts = _HEAD.split(text)
    blocks = {name: _described(body) for name, body in zip(parts[::2], parts[1::2], strict=True)}

    def whole(sql: str) -> str:
        return _INCLUDE.sub(lambda m: whole(blocks[m[1]][1]).rstrip(), sql)

    return {name: Statement(name, description, whole(sql)) for name, (description, sql) in blocks.items()}


def _described(block: str) -> tuple[str, str]:
    lines = block.strip("\n").splitlines()
    words = next((n for n, line in enumerate(lines) if not line.startswith("--")), len(lines))
    description = " ".join(line.removeprefix("--").strip() for line in lines[:words])
    return description, "\n".join(lines[words:]).rstrip("\n ;")
