"""`plait settings`: every setting of every part, as a table for people and as docs/settings.md."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dotenv import dotenv_values
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings
from rich.padding import Padding
from rich.text import Text

from plait.cli.parts import PARTS
from plait.cli.settings import ClientSettings, UpSettings
from plait.cli.settings_errors import MASK, is_secret
from plait.cli.tables import print_table
from plait.cli.terminal import Console
from plait.common.settings import PriceSettings

_INDENT: Final = 4

_HEAD = """\
# Settings

Every setting is an environment variable; a `.env` file in the working directory is read too, and goes after the
environment. `plait settings` shows the values that a part started now, from this directory, would use, and where each
comes from. `plait up` tells its parts where the others are; of the settings that the table says `up` reads, yours are
used instead of what it would choose.

| setting | default | read by | meaning |
|---|---|---|---|
"""


@dataclass
class Row:
    """One setting with one default and one meaning."""

    name: str
    default: str
    meaning: str
    secret: bool
    parts: list[str] = field(default_factory=list)

    def value(self, environment: Mapping[str, str], file: Mapping[str, str | None]) -> tuple[str, str]:
        """What is in use, a secret masked, and its origin."""
        for origin, source in (("environment", environment), (".env", file)):
            if given := source.get(self.name):
                return MASK if self.secret else given, origin
        return self.default, "default"


def rows() -> list[Row]:
    """All settings, ordered by name; parts that agree about one share a row."""
    found: dict[tuple[str, str, str], Row] = {}
    for reader, settings in _classes():
        for name, info in settings.model_fields.items():
            row = Row(name.upper(), _default(info), info.description or "", is_secret(info.annotation))
            found.setdefault((row.name, row.default, row.meaning), row).parts.append(reader)
    return sorted(found.values(), key=lambda row: (row.name, row.parts))


def markdown() -> str:
    """The text of docs/settings.md: the same on every machine."""
    return _HEAD + "".join(_line(row) for row in rows())


def in_use(folder: Path) -> list[tuple[Row, str, str]]:
    """Each row with its value and origin, as a part started in `folder` would see it."""
    file = dotenv_values(folder / ".env")
    return [(row, *row.value(os.environ, file)) for row in rows()]


def show(out: Console, folder: Path) -> None:
    """Print `in_use`: a block for each setting on a terminal, of which nothing is cut; a table for other programs."""
    found = in_use(folder)
    if out.is_terminal:
        for row, value, origin in found:
            _show_block(out, row, value, origin)
        return
    head = ["setting", "value", "origin", "default", "read by", "meaning"]
    rows = [[r.name, value, origin, r.default, " ".join(r.parts), r.meaning] for r, value, origin in found]
    print_table(out, head, rows)


def _show_block(out: Console, row: Row, value: str, origin: str) -> None:
    """What is not the default stands out."""
    is_default = origin == "default"
    first = Text.assemble((row.name, "bold"), " = ", (value or "(not set)", "dim" if is_default else "green"))
    out.print(first, soft_wrap=True)
    told = "" if is_default else f"Origin: {origin}; default: {row.default or 'none'}. "
    about = Text.assemble(f"{told}{row.meaning}", (f" Read by {_readers(row)}.", "dim"))
    out.print(Padding(about, (0, 0, 0, _INDENT)))


def _classes() -> list[tuple[str, type[BaseSettings]]]:
    """What reads settings: the parts, and the commands that have some of their own."""
    from plait.gateway.oauth.settings import LoginSettings

    commands: list[tuple[str, type[BaseSettings]]] = [
        ("up", UpSettings),
        ("client", ClientSettings),
        ("login", LoginSettings),
        ("prices", PriceSettings),
    ]
    return [*commands, *((part.name, part.settings_class()) for part in PARTS)]


def _default(info: FieldInfo) -> str:
    """As the environment takes it."""
    if info.is_required():
        return "required"
    value = info.get_default(call_default_factory=True)
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, Path):
        return str(value).replace(str(Path.home()), "~")
    if isinstance(value, bool | list | tuple | dict):
        return json.dumps(value)
    return "" if value is None else str(value)


def _line(row: Row) -> str:
    meaning = row.meaning.replace("|", "\\|")
    return f"| `{row.name}` | {_code(row.default)} | {_readers(row)} | {meaning} |\n"


def _readers(row: Row) -> str:
    return "all" if len(row.parts) == len(PARTS) + 1 else ", ".join(row.parts)


def _code(text: str) -> str:
    return f"`{text}`" if text and text != "required" else text
