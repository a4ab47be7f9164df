"""The parts that make up a running Plait, and which of them share a process.

`plait up`, `plait run` and `plait settings` read this table, and a test keeps the deployment files equal to it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from plait.common.errors import UserError

if TYPE_CHECKING:
    import asyncio

    from plait.common.settings import Settings

Run: TypeAlias = "Callable[[asyncio.Event], Awaitable[None]]"


@dataclass(frozen=True)
class Part:
    """One part: a coroutine that runs until its event is set, with the settings that it reads itself."""

    name: str
    group: str
    """Parts of one group share a process by default."""
    entry: str
    """`module:function`, of type `Run`."""
    settings: str
    """`module:class`."""
    port: int | None = None
    """Where it listens by default, if it speaks HTTP."""
    tells_health: bool = False
    """Whether it serves `/health` and `/metrics` on METRICS_PORT."""

    @property
    def consumer_group(self) -> str | None:
        """The group under which its health is told, with the others' of its process."""
        return f"plait.{self.name}" if self.tells_health else None

    def load(self) -> Run:
        """Import the part: nothing else of it is imported before."""
        run: Run = _load(self.entry)
        return run

    def settings_class(self) -> type[Settings]:
        """Import the class of its settings."""
        found: type[Settings] = _load(self.settings)
        return found


def _load(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def _consumer(name: str) -> Part:
    return Part(name, "workers", f"plait.{name}.main:run", f"plait.{name}.settings:Settings", tells_health=True)


PARTS: Final = (
    Part("gateway", "gateway", "plait.gateway.main:run", "plait.gateway.settings:RelaySettings", 3000),
    Part(
        "shipper",
        "workers",
        "plait.gateway.shipper_main:run",
        "plait.gateway.settings:ShipperSettings",
        tells_health=True,
    ),
    _consumer("linker"),
    _consumer("ledger"),
    _consumer("analyzer"),
    _consumer("notifier"),
    Part("api", "api", "plait.api.main:run", "plait.api.settings:ApiSettings", 3002),
    Part("dashboard", "dashboard", "plait.dashboard.main:run", "plait.dashboard.settings:Settings", 3001),
)


def part(name: str) -> Part:
    """The part called `name`.

    Raises:
        UserError: there is none.
    """
    for known in PARTS:
        if known.name == name:
            return known
    raise UserError(f"There is no part {name}: there are {', '.join(p.name for p in PARTS)}.")


def processes(parts: tuple[Part, ...] = PARTS, *, one_each: bool = False) -> dict[str, list[Part]]:
    """Which parts each process holds, by the process's name."""
    layout: dict[str, list[Part]] = {}
    for each in parts:
        layout.setdefault(each.name if one_each else each.group, []).append(each)
    return layout
