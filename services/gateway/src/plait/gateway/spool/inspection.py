"""What a spool directory holds, for people: its state, whether it is whole, its records one by one."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct, structs

from plait.gateway.spool.frames import Frame, Kind
from plait.gateway.spool.reader import SpoolReader
from plait.gateway.spool.records import from_frame
from plait.gateway.spool.segments import (
    START,
    bytes_between,
    bytes_used,
    has,
    segment_numbers,
    segment_path,
    set_aside,
)
from plait.gateway.spool.shipping import Status, read_resume, read_status


@dataclass(frozen=True)
class State:
    """How a spool stands."""

    directory: Path
    segments: int
    bytes: int
    kept: int
    """Bytes from the resume point on: not shipped, or not safe elsewhere yet."""
    oldest: float | None
    """Unix seconds at which the oldest segment was begun."""
    is_written: bool
    """Whether a gateway writes it now."""
    shipper: Status | None
    """The last word of a shipper that has it now."""
    set_aside: int


def state(directory: Path) -> State:
    """Look at files only: nothing is read of them."""
    numbers = segment_numbers(directory)
    return State(
        directory=directory,
        segments=len(numbers),
        bytes=bytes_used(directory),
        kept=bytes_between(directory, read_resume(directory)),
        oldest=numbers[0] / 1000 if numbers else None,
        is_written=has(directory, "writer"),
        shipper=read_status(directory) if has(directory, "shipper") else None,
        set_aside=len(set_aside(directory)),
    )


@dataclass
class Verdict:
    """What was found in reading all of a spool."""

    records: int = 0
    exchanges: int = 0
    running: int = 0
    """Exchanges without an end."""
    damaged: int = 0
    unreadable: int = 0
    """Records that are whole but not of this version."""
    bytes: int = 0
    seconds: float = 0


def verify(directory: Path) -> Verdict:
    """Read everything."""
    verdict, began = Verdict(bytes=bytes_used(directory)), time.perf_counter()
    reader = _reader(directory)
    for frame in iter(reader.next, None):
        verdict.records += 1
        verdict.exchanges += frame.kind == Kind.REQUEST
        verdict.unreadable += _record(frame) is None
    reader.close()
    verdict.running, verdict.damaged = len(reader.running), reader.damaged
    verdict.seconds = time.perf_counter() - began
    return verdict


def dump(directory: Path, exchange: UUID | None = None) -> Iterator[dict[str, Any]]:
    """Each record with its place, as JSON has it: bytes that are no text are {"base64": …}."""
    reader = _reader(directory)
    before = reader.position
    for frame in iter(reader.next, None):
        # An end that the reader gives of its own accord takes no room.
        (segment, behind), size = reader.position, 0 if reader.position == before else frame.size
        before = reader.position
        if exchange is not None and frame.exchange != exchange.bytes:
            continue
        place = f"{segment_path(directory, segment).name}:{behind - size}"
        kind = Kind(frame.kind).name.lower()
        yield {"place": place, "exchange": str(UUID(bytes=frame.exchange)), "kind": kind, "record": _shown(frame)}
    reader.close()


def _reader(directory: Path) -> SpoolReader:
    """Damage in the newest segment is only told from a write under way when nobody writes."""
    return SpoolReader(directory, START, settled=not has(directory, "writer"))


def _record(frame: Frame) -> Struct | None:
    try:
        return from_frame(frame)
    except msgspec.DecodeError:
        return None


def _shown(frame: Frame) -> Any:
    record = _record(frame)
    return _plain(frame.payload if record is None else record)


def _plain(value: Any) -> Any:
    if isinstance(value, Struct):
        return {name: _plain(each) for name, each in structs.asdict(value).items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(value).decode()}
    return value
