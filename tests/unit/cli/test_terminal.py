"""What was recorded does not steer the terminal that it is shown on."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO

import pytest
from rich.markup import escape

from plait.cli.commands import links
from plait.cli.tables import print_table
from plait.cli.terminal import Console, shown

TITLE = "m\x1b]0;owned\x1b[2J\x9b31m\u202egpj.exe\x00"
HARMLESS = r"m\x1b]0;owned\x1b[2J\x9b31m\u202egpj.exe\x00"


def terminal() -> tuple[Console, StringIO]:
    file = StringIO()
    return Console(file=file, force_terminal=True, color_system=None, width=200), file


def test_lines_show_control_characters_as_escapes() -> None:
    out, file = terminal()
    out.print(TITLE, markup=False, highlight=False)
    out.print(f"[bold]{escape(TITLE)}[/]", highlight=False)
    assert file.getvalue().splitlines() == [HARMLESS, HARMLESS]


def test_tables_show_control_characters_as_escapes() -> None:
    out, file = terminal()
    print_table(out, ["model", "count"], [[TITLE, 1]])
    head, row = (line.rstrip() for line in file.getvalue().splitlines())
    assert row.split() == [HARMLESS, "1"]
    assert head.index("count") == row.rindex("1"), "aligned by what is shown"


def test_a_cell_neither_ends_nor_divides_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    rows: Sequence[Sequence[object]] = [["a\tb\nc\x1b[2J", 2]]
    print_table(Console(), ["model", "count"], rows)
    links._print_table(["model", "count"], [["a\tb\nc\x1b[2J", "2"]])
    assert capsys.readouterr().out == "model\tcount\na\\tb\\nc\\x1b[2J\t2\n" * 2


def test_all_other_texts_stay_as_they_are() -> None:
    text = "naïve 検索 🙂 \\x1b\n\ttab"
    assert shown(text) == text
    out, file = terminal()
    out.print("[bold]bold[/] stays bold in colour", style="red")
    assert file.getvalue() == "bold stays bold in colour\n"


def test_what_steers_by_our_own_will_still_does() -> None:
    file = StringIO()
    out = Console(file=file, force_terminal=True, color_system="standard", width=80, legacy_windows=False)
    out.print("[bold]x[/]")
    out.show_cursor(show=False)
    assert file.getvalue() == "\x1b[1mx\x1b[0m\n\x1b[?25l"
