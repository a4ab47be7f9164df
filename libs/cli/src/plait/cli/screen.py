"""What `plait up` says on the terminal."""

from __future__ import annotations

import signal
from collections.abc import Sequence

from rich.console import Console

from plait.cli.plan import Plan


class Terminal:
    """A line per part as it gets ready, then one block; later only what goes wrong."""

    def __init__(self, console: Console, plan: Plan) -> None:
        self._console = console
        self._plan = plan

    def says(self, text: str) -> None:
        """A step that takes a while."""
        self._console.print(text, style="dim", highlight=False)

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
        """The addresses, the key, and the two lines a developer needs; and which parts do not come up."""
        plan, url = self._plan, self._plan.options.url
        headline = "[bold green]Plait is ready.[/]"
        if missing:
            headline = f"[bold yellow]Plait runs, without {', '.join(missing)}: see above.[/]"
        lines = [f"  [bold]{name:<10}[/] {url(name)}" for name in plan.options.ports]
        text = "\n".join([
            "", headline, "", *lines, f"  [bold]{'key':<10}[/] {plan.dashboard_key}", "",
            "Send Claude Code through it:", "", f"  export ANTHROPIC_BASE_URL={url('gateway')}", "  claude", "",
            f"[dim]Logs in {plan.home.logs}. Ctrl-C stops everything.[/]",
        ])  # fmt: skip
        self._console.print(text, highlight=False, soft_wrap=True)


def _reason(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
