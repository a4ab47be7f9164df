"""Records whose header names are not UTF-8.

Brokers take any bytes there, aiokafka decodes them strictly, in C, in the middle of a fetch: the records before the one
at fault are lost to the caller, and the same fetch fails for ever. Its readable implementation in Python can be made
lenient; it is slower by far, so it is used only from the moment such a record was met.
"""

from __future__ import annotations

from typing import Final, SupportsIndex, overload

import structlog
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy, _DefaultRecordPy
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.record.util import decode_varint_py

_log = structlog.get_logger()

_WITH_HEADERS: Final = 2
"""The record format that has headers."""


def read_leniently() -> None:
    """From now on all consumers of this process show bytes that are no UTF-8 in header names as `\\xff`."""
    if fetcher.MemoryRecords is not _Records:  # type: ignore[attr-defined]
        _log.warning("a header name is not UTF-8: records are read more slowly from now on")
        fetcher.MemoryRecords = _Records  # type: ignore[attr-defined]


class _LenientBytes(bytearray):
    """Bytes that can be decoded whatever they are, and so can their slices."""

    @overload
    def __getitem__(self, place: SupportsIndex, /) -> int: ...
    @overload
    def __getitem__(self, place: slice, /) -> bytearray: ...
    def __getitem__(self, place: SupportsIndex | slice, /) -> int | bytearray:
        found = super().__getitem__(place)
        return _LenientBytes(found) if isinstance(found, bytearray) else found

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:  # noqa: ARG002 - bytearray's interface
        return super().decode(encoding, "backslashreplace")


class _Batch(_DefaultRecordBatchPy):  # type: ignore[misc]  # final, but it has no other seam
    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _LenientBytes(self._buffer)

    def _read_msg(self) -> _DefaultRecordPy:  # type: ignore[override]
        return super()._read_msg(decode_varint_py)


class _Records(_MemoryRecordsPy):  # type: ignore[misc]
    def next_batch(self, *bounds: int) -> object:  # type: ignore[override]
        ahead = self._next_slice
        batch = super().next_batch(*bounds)
        return _Batch(ahead) if ahead is not None and getattr(batch, "magic", 0) >= _WITH_HEADERS else batch
