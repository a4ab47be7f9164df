"""What `plait up` says on the terminal."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from rich.console import Console
from rich.markup import escape

from plait.cli.plan import Plan
from plait.gateway.access.directory import Directory

_MOST_NAMED: Final = 5

Closing: TypeAlias = "Callable[[Plan], list[str]]"
"""The lines below the headline, once everything is ready."""


def for_traffic(plan: Plan) -> list[str]:
    """The addresses, the key, and what a developer needs. Blocks: it reads the folder of credentials."""
    return ["", *_addresses(plan), "", *_for_clients(plan), "", _logs(plan)]


def _for_clients(plan: Plan) -> list[str]:
    directory = Directory(plan.credentials.expanduser())
    directory.scan()
    if not directory.files:
        url = plan.options.url("gateway")
        return ["Send Claude Code through it:", "", f"  export ANTHROPIC_BASE_URL={url}", "  claude"]
    usual = plan.settings.plait_home.expanduser().resolve()
    home = "" if plan.home.path == usual else f" --home {shlex.quote(str(plan.home.path))}"
    names = [file.domain or name for name, file in directory.files.items()]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    domains = ", ".join(names[:_MOST_NAMED]) + more
    return [
        escape(f"It has domains: {domains}. What their clients set, and who gets through:"), "",
        escape(f"  plait client DOMAIN{home}"), escape(f"  plait credentials{home}"),
    ]  # fmt: skip


def for_demo(plan: Plan) -> list[str]:
    """The addresses and the key, and that there is no Claude behind this gateway."""
    recorded = "This gateway gives recorded answers only: `make up` (`plait up`) is for your own traffic."
    return ["", *_addresses(plan), "", recorded, "", _logs(plan)]


def for_passing_demo(_: Plan) -> list[str]:
    """Nothing: addresses and logs that end at once are of no use."""
    return []


def _addresses(plan: Plan) -> list[str]:
    lines = [f"  [bold]{name:<10}[/] {plan.options.url(name)}" for name in plan.options.ports]
    return [*lines, f"  [bold]{'key':<10}[/] {plan.dashboard_key}"]


def _logs(plan: Plan) -> str:
    return f"[dim]Logs in {plan.home.logs}. Ctrl-C stops everything.[/]"


class Terminal:
    """A line per part as it gets ready, then one block; later only what goes wrong."""

    def __init__(self, console: Console, plan: Plan, closing: Closing) -> None:
        self._console = console
        self._plan = plan
        self._closing = closing

    def is_ready(self, parts: Sequence[str], seconds: float) -> None:
        """These parts serve."""
        for part in parts:
            self._console.print(f"  [green]✓[/] {part:<10} [dim]{seconds:.1f} s[/]", highlight=False)

    def ended(self, parts: Sequence[str], status: int, *, keeps_ending: bool, pause: float) -> None:
        """Their process ended unasked."""
        what = "keeps ending" if keeps_ending else "ended"
        again = f"in {pause:.1f} s" if pause else "at once"
        log = self._plan.home.logs / f"{parts[0]}.log"
        text = f"  [red]✗[/] {', '.join(parts)} {what} ({_reason(status)}), started again {again}; its log: {log}"
        self._console.print(text, highlight=False, soft_wrap=True)

    def block(self, missing: Sequence[str]) -> None:
        """That it is ready, or which parts do not come up, and the closing lines."""
        headline = "[bold green]Plait is ready.[/]"
        if missing:
            headline = f"[bold yellow]Plait runs, without {', '.join(missing)}: see above.[/]"
        self._console.print("\n".join(["", headline, *self._closing(self._plan)]), highlight=False, soft_wrap=True)


def _reason(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
