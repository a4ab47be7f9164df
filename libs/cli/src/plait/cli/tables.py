"""Tables on the standard output."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from plait.cli.terminal import Console, cell, shown


def print_table(out: Console, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Aligned on a terminal; tab-separated for other programs."""
    if not out.is_terminal:
        sys.stdout.writelines("\t".join(map(cell, row)) + "\n" for row in (head, *rows))
        return
    table = Table(*head, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(escape(shown(str(value))) for value in row))
    out.print(table, highlight=False)
