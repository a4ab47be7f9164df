"""What a starting writer does about a predecessor that was killed."""

from __future__ import annotations

import os
from pathlib import Path

import structlog

from plait.gateway.spool.ends import gateway_lost
from plait.gateway.spool.frames import Frame, Kind
from plait.gateway.spool.reader import SpoolReader
from plait.gateway.spool.segments import START, Position, segment_numbers, segment_path
from plait.gateway.spool.shipping import read_resume

_log = structlog.get_logger(__name__)


def recover(directory: Path) -> list[Frame]:
    """Cut the torn tail of the newest segment; returns an end for each exchange that was left open, oldest first.

    Damage before the tail stays: readers skip it, and nothing behind it is lost. Read is only what is not shipped,
    because clients wait meanwhile: no exchange that is open began before the shipper's resume point.
    """
    reader = SpoolReader(directory, _not_shipped(directory), settled=True)
    still_open: dict[bytes, None] = {}
    end = reader.position
    while (frame := reader.next()) is not None:
        end = reader.position
        if frame.kind == Kind.REQUEST:
            still_open[frame.exchange] = None
        elif frame.kind == Kind.END:
            still_open.pop(frame.exchange, None)
    reader.close()
    _cut(directory, end.segment, end.offset)
    if still_open or reader.damaged:
        _log.warning("spool recovered", open_exchanges=len(still_open), damaged=reader.damaged)
    return [gateway_lost(exchange) for exchange in still_open]


def _not_shipped(directory: Path) -> Position:
    """The resume point if the spool has it, as it has not after a power cut that took a segment's end: else all."""
    resume = read_resume(directory)
    try:
        return resume if segment_path(directory, resume.segment).stat().st_size >= resume.offset else START
    except FileNotFoundError:
        return START


def _cut(directory: Path, last_segment: int, end: int) -> None:
    """Remove what lies behind the last whole frame of the newest segment."""
    for newest in segment_numbers(directory)[-1:]:
        os.truncate(segment_path(directory, newest), end if newest == last_segment else 0)
