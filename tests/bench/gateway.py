"""Our gateway alone, capture on, bound to the measured core; and what its spool holds."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from plait.cli.program import free_port, listening
from plait.gateway.settings import RelaySettings
from plait.gateway.spool.frames import Frame, Kind
from plait.gateway.spool.reader import SpoolReader
from plait.gateway.spool.records import End, Ending, Piece, from_frame
from plait.gateway.spool.segments import START, segment_numbers, segment_path
from tests.bench.instance import PLAIT
from tests.bench.pinning import MEASURED, pinned

HAS_LANE = "byte_lane" in RelaySettings.model_fields
"""Whether plain requests can be sent past the lane that is made for them."""

_PLENTY_BYTES = 32 * 1024**3


@dataclass(frozen=True)
class Gateway:
    """A running gateway."""

    port: int
    process: subprocess.Popen[bytes]
    spool: Path


@contextmanager
def gateway(folder: Path, upstream: str, **settings: str) -> Iterator[Gateway]:
    """Running in front of `upstream`, its spool in `folder`; `settings`: further environment variables."""
    port = free_port()
    env = os.environ | {
        "HOST": "127.0.0.1", "PORT": str(port), "SPOOL_DIR": str(folder), "MASKING_KEY": "00" * 32,
        "CLAUDE_API_BASE_URL": upstream, "LOG_LEVEL": "error", "ACCESS_LOG": "false",
        "SPOOL_MAX_BYTES": str(_PLENTY_BYTES),
    } | settings  # fmt: skip
    process = subprocess.Popen(pinned(MEASURED, [PLAIT, "run", "gateway"]), env=env)
    try:
        until = time.monotonic() + 15
        while not listening(port):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the gateway did not start")
            time.sleep(0.05)
        yield Gateway(port, process, folder)
    finally:
        process.terminate()
        process.wait(20)


class Ledger:
    """Counts the exchanges whose records are whole, and deletes what it has read, as the shipper does."""

    def __init__(self, spool: Path, *, least_bytes: int, settled: bool = False) -> None:
        """`least_bytes`: of an answer's body; `settled`: nobody writes any more."""
        self._spool = spool
        self._reader = SpoolReader(spool, START, settled=settled)
        self._least_bytes = least_bytes
        self._begun: dict[bytes, int] = {}

    def read(self) -> set[UUID]:
        """Exchanges that have ended since the last time, with a request and a whole answer."""
        whole = set()
        while (frame := self._reader.next()) is not None:
            if frame.kind == Kind.REQUEST:
                self._begun[frame.exchange] = 0
            elif frame.exchange in self._begun and self._ends_whole(frame):
                whole.add(UUID(bytes=frame.exchange))
        for number in segment_numbers(self._spool):
            if number < self._reader.position.segment:
                segment_path(self._spool, number).unlink()
        return whole

    def _ends_whole(self, frame: Frame) -> bool:
        record = from_frame(frame)
        if isinstance(record, Piece):
            self._begun[frame.exchange] += len(record.data)
        if not isinstance(record, End):
            return False
        size = self._begun.pop(frame.exchange) + (len(record.answer.data) if record.answer else 0)
        return record.ending is Ending.WHOLE and size >= self._least_bytes
