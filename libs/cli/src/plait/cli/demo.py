"""`plait demo`: everything that `plait up` runs, between recorded clients and a scripted Claude.

It never touches a database, a broker or credentials of the user: it has its own of each, and a home that is removed
afterwards unless one was given.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from plait.cli.demo_analyses import analyse, gemini
from plait.cli.demo_notices import receivers
from plait.cli.demo_records import Outcome, Watch, print_summary
from plait.cli.plan import Options, Plan
from plait.cli.program import free_port, listening
from plait.cli.screen import for_demo, for_passing_demo
from plait.cli.settings import UpSettings
from plait.cli.terminal import Console
from plait.cli.up import running, told_to_stop
from plait.fakes.claude import ScriptedClaude
from plait.fakes.player import Player
from plait.fakes.recordings import Recording, load, samples_folder

SPEED: Final = 4.0
"""The recordings' pauses take a quarter of their time."""
WIDTH: Final = 8
"""How many scenarios run at a time."""
_USERS_OWN: Final = ("ENABLE_CLIENT_AUTH", "CREDENTIALS_DIR", "DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS")


async def demo(options: Options, console: Console, *, leave: bool) -> bool:
    """Run the demo, then serve until Ctrl-C, or with `leave` stop at once.

    Returns whether it went well: with `leave` that every exchange arrived, untouched and recorded.

    Raises:
        UserError: it cannot be started.
    """
    stop = told_to_stop()
    scenarios = load(samples_folder())
    closing = for_passing_demo if leave else for_demo
    async with (
        _upstream() as claude,
        receivers() as notices,
        gemini(),
        running(options, _own_settings(), console, stop, closing) as plan,
    ):
        if stop.is_set():
            return not leave
        outcome = await _unless(stop, _shown(scenarios, claude, plan, console))
        if outcome is None:
            return not leave
        print_summary(outcome, console)
        await analyse(plan, console)
        await notices.settled()
        notices.show(console)
        if leave:
            stop.set()
        elif "dashboard" in options.ports:
            console.print(f"\nSee it on [bold]{options.url('dashboard')}[/], key {plan.dashboard_key}", highlight=False)
        await stop.wait()
        return not leave or not outcome.faults


def with_free_ports(
    options: Options, *, gateway: int | None = None, dashboard: int | None = None, api: int | None = None
) -> Options:
    """The ports that were given; where none was, the usual one, or a free one if that is taken."""
    return replace(
        options,
        gateway_port=gateway or _usual_or_free(options.gateway_port),
        dashboard_port=dashboard or _usual_or_free(options.dashboard_port),
        api_port=api or _usual_or_free(options.api_port),
    )


def _usual_or_free(usual: int) -> int:
    return free_port() if listening(usual) else usual


@contextmanager
def home_or_temporary(home: Path | None) -> Iterator[Path]:
    """`home`, or a fresh folder that is removed afterwards."""
    if home is not None:
        yield home.expanduser().resolve()
        return
    folder = Path(tempfile.mkdtemp(prefix="plait-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def _upstream() -> AsyncIterator[ScriptedClaude]:
    """A scripted Claude that every part started from now on takes for the real one."""
    async with ScriptedClaude() as claude:
        for name in _USERS_OWN:
            os.environ.pop(name, None)
        os.environ["CLAUDE_API_BASE_URL"] = claude.url
        yield claude


def _own_settings() -> UpSettings:
    return UpSettings(database_url=None, kafka_bootstrap_servers=None, credentials_dir=None)


async def _unless(stop: asyncio.Event, work: Coroutine[None, None, Outcome]) -> Outcome | None:
    """The result of `work`, None if `stop` was set before it was done."""
    task, waiting = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        for each in (task, waiting):
            each.cancel()
        await asyncio.gather(task, waiting, return_exceptions=True)


async def _shown(
    scenarios: Mapping[str, Sequence[Recording]], claude: ScriptedClaude, plan: Plan, console: Console
) -> Outcome:
    """Play everything and wait for the records, with a bar for each."""
    total = sum(len(found) for found in scenarios.values())
    columns = (TextColumn("{task.description:<9}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        answered = progress.add_task("answered", total=total)
        recorded = progress.add_task("recorded", total=total)
        watch = Watch(plan, lambda count: progress.update(recorded, completed=count))
        player = Player(
            plan.options.gateway_port,
            claude,
            width=WIDTH,
            speed=SPEED,
            host=plan.options.address,
            on_played=lambda _: progress.advance(answered),
        )
        async with asyncio.TaskGroup() as group:
            playing = group.create_task(player.play(scenarios))
            watching = group.create_task(watch.until_recorded(playing))
    return Outcome(playing.result(), watching.result())
