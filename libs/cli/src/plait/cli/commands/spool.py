"""`plait spool` as the terminal sees it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from uuid import UUID

import msgspec
from cyclopts import App

from plait.cli import target
from plait.cli.exchange_file.files import PIPE, write_to
from plait.cli.terminal import Console
from plait.common.errors import UserError
from plait.gateway.settings import ShipperSettings, SpoolSettings
from plait.gateway.spool import inspection
from plait.gateway.spool.inspection import State, Verdict
from plait.gateway.spool.segments import has, segment_numbers, spools_under
from plait.gateway.spool.writer import SpoolWriter

app = App(name="spool", help="The gateway's spool: what waits on disk to be shipped.")
out = Console()
_SECONDS_TOLD = 1
"""What is read faster says nothing about the disk."""
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


@app.command
def stat(directory: Path | None = None, /, *, home: Path | None = None) -> None:
    """Show what a spool holds, who writes it and who ships it.

    Args:
        directory: The spool, or a folder of spools; default SPOOL_DIR, else that of the home.
        home: Whose `plait up` is meant when neither is given.
    """
    for spool in _spools(directory, home):
        for line in _about(inspection.state(spool)):
            _say(line)


@app.command
def verify(directory: Path | None = None, /, *, home: Path | None = None) -> int:
    """Read every record of a spool; exits 1 when one is damaged.

    Args:
        directory: The spool, or a folder of spools; default SPOOL_DIR, else that of the home.
        home: Whose `plait up` is meant when neither is given.
    """
    good = True
    for spool in _spools(directory, home):
        verdict = inspection.verify(spool)
        good = good and not verdict.damaged and not verdict.unreadable
        _say(f"{spool}: {_verdict(verdict)}")
    return 0 if good else 1


@app.command
def dump(directory: Path | None = None, /, *, exchange: UUID | None = None, home: Path | None = None) -> None:
    """Print every record of a spool as a JSON line, with the content of requests and answers.

    Secrets in headers and queries were masked before they got there, and of bodies what REDACT_BODIES names.

    Args:
        directory: The spool, or a folder of spools; default SPOOL_DIR, else that of the home.
        exchange: Only this one.
        home: Whose `plait up` is meant when neither is given.
    """
    spools, found = _spools(directory, home), False
    with write_to(PIPE) as sink:
        for spool in spools:
            for record in inspection.dump(spool, exchange):
                sink.write(msgspec.json.encode(record) + b"\n")
                found = True
    if exchange is not None and not found:
        where = ", ".join(str(spool) for spool in spools)
        raise UserError(
            f"Nothing is recorded of the exchange {exchange} in {where}: shipped records are deleted there."
        )


@app.command
def ship(directory: Path, /, *, home: Path | None = None) -> int:
    """Ship a spool that was left over: one that no gateway writes and no shipper ships; exits 1 when not all could be.

    Args:
        directory: The spool, or a folder of spools.
        home: Whose `plait up` is meant when KAFKA_BOOTSTRAP_SERVERS is not set.
    """
    from plait.common.kafka import is_embedded

    spools = _spools(directory, home)
    for spool in spools:
        if has(spool, "writer"):
            raise UserError(f"A gateway writes {spool}: its shipper ships it.")
    before = sum(inspection.state(spool).kept for spool in spools)
    verdicts = [inspection.verify(spool) for spool in spools]
    for spool in spools:
        SpoolWriter(spool, segment_bytes=1, max_bytes=1).close()  # marks the end of all that is there
    broker = target.broker(target.home(home))
    asyncio.run(_ship(ShipperSettings(spool_dir=directory, **broker.model_dump(exclude_unset=True))))
    left = sum(inspection.state(spool).set_aside for spool in spools)
    if not before:
        _say(f"All of it was shipped before: {directory} is not needed any more.")
    elif is_embedded(broker):
        _say(f"{_size(before)} shipped. This broker forgets when it ends: keep {directory} until `plait lag` is 0.")
    else:
        _say(f"{_size(before)} shipped: {directory} is not needed any more.")
    if left:
        _say(f"{_count(left, 'exchange')} could not be shipped, kept in set-aside: `plait spool dump` shows what.")
    damaged = sum(verdict.damaged + verdict.unreadable for verdict in verdicts)
    if damaged:
        _say(f"{_count(damaged, 'record')} could not be read: `plait spool verify {directory}` counts them.")
    return 1 if left or damaged else 0


async def _ship(settings: ShipperSettings) -> None:
    from aiokafka.errors import KafkaError

    from plait.common.errors import DependencyDown
    from plait.gateway.shipper.docks import Docks
    from plait.gateway.shipper.voyage import voyage

    docks = Docks(settings.spool_dir)
    try:
        async with voyage(settings, docks) as sailing:
            await sailing.unload(None)
    except (KafkaError, OSError) as error:
        raise DependencyDown(f"Kafka at {settings.kafka_bootstrap_servers} cannot be reached.") from error
    finally:
        docks.close()


def _spools(directory: Path | None, home: Path | None) -> list[Path]:
    found = spools_under(directory or _usual(home))
    spools = [spool for spool in found if segment_numbers(spool)]
    if not spools:
        how = "" if directory else ": name its folder, or set SPOOL_DIR"
        raise UserError(f"There is no spool in {found[0]}{how}.")
    return spools


def _usual(home: Path | None) -> Path:
    settings = SpoolSettings()
    is_set = home is None and "spool_dir" in settings.model_fields_set
    return settings.spool_dir if is_set else target.home(home).spool


def _about(state: State) -> list[str]:
    lines = [str(state.directory), f"  segments    {state.segments}, {_size(state.bytes)}"]
    if state.oldest is not None:
        lines.append(f"  oldest      begun {_ago(state.oldest)}")
    lines.append(f"  kept        {_size(state.kept)} that are not shipped, or not safe elsewhere yet")
    lines.append(f"  writer      {'a gateway' if state.is_written else 'none'}")
    lines.append(f"  shipper     {_shipper(state)}")
    if state.set_aside:
        lines.append(f"  set aside   {_count(state.set_aside, 'exchange')} that could not be shipped")
    return lines


def _shipper(state: State) -> str:
    status = state.shipper
    if status is None:
        return "none"
    broker = "the broker takes what there is" if status.broker_up else "waits for the broker"
    behind = f", {_size(status.behind)} behind" if status.behind else ""
    return f"{broker}{behind}{f' since {_ago(status.since)}' if status.since else ''}"


def _verdict(verdict: Verdict) -> str:
    counts = f"{_count(verdict.records, 'record')} of {_count(verdict.exchanges, 'exchange')}"
    counts += f", {verdict.running:,} without an end"
    if verdict.damaged or verdict.unreadable:
        counts += f"; {verdict.damaged:,} damaged, {verdict.unreadable:,} of another version"
    if verdict.seconds < _SECONDS_TOLD:
        return f"{counts}. {_size(verdict.bytes)}."
    return f"{counts}. {_size(verdict.bytes)} in {verdict.seconds:.1f} s ({_size(verdict.bytes / verdict.seconds)}/s)."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _ago(moment: float) -> str:
    seconds = max(0, int(time.time() - moment))
    for length, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds // length} {name} ago"
    return f"{seconds} s ago"


def _size(count: float) -> str:
    for unit in _UNITS:
        if count < 1024 or unit == _UNITS[-1]:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1024
    raise AssertionError("the last unit has no end")


def _say(text: str) -> None:
    out.print(text, highlight=False, markup=False, soft_wrap=True)
