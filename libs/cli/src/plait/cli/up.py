"""`plait up`: everything, started in order, kept running, stopped in order."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from plait.cli import database, leftovers, openness, plan, wrong_settings
from plait.cli.embedded import postgres
from plait.cli.home import Home
from plait.cli.parts import Part, processes
from plait.cli.plan import Options, Plan
from plait.cli.program import LOOPBACK, Program, Ready, http_ready
from plait.cli.screen import Closing, Terminal, for_traffic
from plait.cli.settings import UpSettings
from plait.cli.supervisor import Child, Supervisor
from plait.cli.terminal import Console
from plait.common.errors import UserError


async def up(options: Options, console: Console) -> None:
    """Run everything until SIGTERM or Ctrl-C; a second one waits for no answer that is still under way.

    Raises:
        UserError: it cannot be started; nothing is left running.
    """
    stop = told_to_stop()
    async with running(options, UpSettings(), console, stop):
        await stop.wait()


def told_to_stop() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set, from now on."""
    stop = asyncio.Event()
    _when_told(stop.set)
    return stop


def _when_told(what: Callable[[], None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, what)


@asynccontextmanager
async def running(
    options: Options,
    settings: UpSettings,
    console: Console,
    stop: asyncio.Event,
    closing: Closing = for_traffic,
) -> AsyncIterator[Plan]:
    """Everything runs and is ready inside the block, unless `stop` was set meanwhile; all of it is gone after it.

    `closing` is what is told once everything is ready.

    Raises:
        UserError: it cannot be started.
    """
    home = Home(options.home)
    home.create()
    with home.lock():
        if await asyncio.to_thread(leftovers.end, home.path):
            console.print("Cleaned up after a Plait that was killed.", style="dim", highlight=False)
        made = plan.make(options, home, settings)
        wrong_settings.refuse(made)
        if warning := openness.warning(made):
            console.print(warning, style="yellow", highlight=False, soft_wrap=True)
        instance = _Instance(made, console, closing)
        try:
            if not stop.is_set():
                await _unless(stop, asyncio.create_task(instance.start()))
            yield instance.plan
        finally:
            if stop.is_set():
                console.print("Stopping ...", style="dim", highlight=False)
            _when_told(instance.hurry)
            await instance.stop()


async def _unless(stop: asyncio.Event, work: asyncio.Task[None]) -> None:
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not work.done():
        work.cancel()
        await asyncio.wait({work})
    if not work.cancelled():
        work.result()


class _Instance:
    """One running Plait."""

    def __init__(self, plan: Plan, console: Console, closing: Closing) -> None:
        self.plan = plan
        self._terminal = Terminal(console, plan, closing)
        self._supervisor = Supervisor(plan.home, self._terminal)

    async def start(self) -> None:
        """The gateway first: its spool takes the traffic while the rest is started.

        The dashboard beside it, which takes longest to load and asks for the database only when it is looked at.
        """
        if self.plan.settings.database_url:
            await database.bring_up_to_date(self.plan.database_url)
        layout = processes(self.plan.options.parts, one_each=self.plan.options.one_process_each)
        for name in ("gateway", "dashboard"):
            if parts := layout.pop(name, []):
                self._start(name, parts)
        try:
            async with asyncio.TaskGroup() as servers:
                servers.create_task(self._postgres())
                servers.create_task(self._broker())
        except* UserError as failed:
            raise failed.exceptions[0] from None
        for name, parts in layout.items():
            self._start(name, parts)
        await asyncio.gather(*(child.settled.wait() for child in self._supervisor.children))
        self._terminal.block(
            [part for child in self._supervisor.children if not child.ready.is_set() for part in child.parts]
        )

    async def stop(self) -> None:
        """The gateway first: it finishes its streams while what records them still runs."""
        await self._supervisor.stop(first=["gateway"], last=["postgres", "broker"])

    def hurry(self) -> None:
        """Told to stop once more: whatever is being stopped ends at once."""
        self._supervisor.hurry()

    def _start(self, name: str, parts: list[Part]) -> Child:
        program = Program(
            name=name,
            argv=(sys.executable, "-P", "-m", "plait.cli.hosting", *(part.name for part in parts)),
            env=self.plan.environment(name, parts[0]),
            ready=self._readiness(name, parts[0]),
            grace=13.0 if name == "gateway" else 8.0,
        )
        return self._supervisor.start(program, [part.name for part in parts])

    def _readiness(self, process: str, part: Part) -> Ready:
        if part.port:
            return http_ready(self.plan.options.address, self.plan.options.ports[part.name])
        if port := self.plan.addresses.health.get(process):
            return http_ready(LOOPBACK, port)
        return lambda _: True  # the shipper waits for what it needs by itself

    async def _postgres(self) -> None:
        if (port := self.plan.addresses.postgres) is None:
            return
        folder, password = self.plan.home.postgres, self.plan.secrets.postgres_password
        program = await asyncio.to_thread(postgres.prepare, folder, port, password, env=self.plan.mark)
        await self._serving(self._supervisor.start(program))
        await database.create_if_missing(postgres.url(port, password, "postgres"), postgres.DATABASE)
        await database.bring_up_to_date(self.plan.database_url)
        for part, roles in postgres.LOGINS.items():
            name, its_password = postgres.login_of(part), postgres.password_of(part, password)
            await database.give_login(self.plan.database_url, name, its_password, roles)

    async def _broker(self) -> None:
        if (port := self.plan.addresses.broker) is None:
            return
        await self._serving(self._supervisor.start(await asyncio.to_thread(self._broker_program, port)))

    def _broker_program(self, port: int) -> Program:
        if (controller := self.plan.addresses.controller) is None:
            from plait.cli.embedded import broker

            return broker.prepare(port, env=self.plan.mark)
        from plait.cli.embedded import kafka

        return kafka.prepare(self.plan.home.broker, port, controller, env=self.plan.mark)

    async def _serving(self, child: Child) -> None:
        await child.settled.wait()
        if not child.ready.is_set():
            name = child.program.name
            raise UserError(f"{name} does not start: its log says why, {self.plan.home.logs / name}.log")
