"""Exchanges that cannot be shipped, kept whole beside the spool: one segment each, which `plait spool` reads."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import UUID

import structlog

from plait.gateway.shipper.metrics import SET_ASIDE as SET_ASIDE_COUNT
from plait.gateway.spool.frames import Frame, Kind, frame_head
from plait.gateway.spool.segments import SET_ASIDE, segment_path, set_aside

_log = structlog.get_logger(__name__)


class Aside:
    """The exchanges of one spool that are set aside."""

    def __init__(self, spool: Path) -> None:
        self._directory = spool / SET_ASIDE
        self._known = set_aside(spool)

    def __contains__(self, exchange: bytes) -> bool:
        return exchange in self._known

    def take(self, exchange: bytes, why: str) -> None:
        """From now on this exchange is set aside."""
        self._known.add(exchange)
        SET_ASIDE_COUNT.inc()
        _log.error(
            "an exchange cannot be shipped and is set aside",
            exchange_id=str(UUID(bytes=exchange)),
            reason=why,
            folder=str(self._directory),
        )

    def keep(self, frame: Frame) -> None:
        """Keep a record of one that is. Its request begins it anew: it is read again after a restart.

        Raises:
            OSError: the disk refuses: it is not let go of in the spool either.
        """
        self._directory.mkdir(mode=0o700, exist_ok=True)
        path = segment_path(self._directory, int.from_bytes(frame.exchange, "big"))
        anew = os.O_TRUNC if frame.kind == Kind.REQUEST else os.O_APPEND
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | anew, 0o600)
        try:
            os.writev(file, (frame_head(*frame), frame.payload))
        finally:
            os.close(file)
