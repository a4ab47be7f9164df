"""Remembers over the shipper's own death which exchange it had in hand, so that none can kill it for ever."""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
from pathlib import Path
from typing import Final

_FILE: Final = "shipper.journal"
_LAYOUT: Final = struct.Struct(">B16sI16s")
"""Whether something is in hand, which exchange; how often in a row it ended so, with which exchange."""
_HAND: Final = struct.Struct(">B16s")
_DEADLY: Final = 3
"""Deaths with one exchange in hand after which it is to blame."""


class Journal:
    """A few bytes of shared memory over a file: what is stored in it outlives the process, and costs no call.

    Without room for it on disk the shipper works all the same, and forgets its deaths.
    """

    def __init__(self, directory: Path) -> None:
        self._bytes = _mapped(directory / _FILE)
        in_hand, exchange, deaths, suspect = _LAYOUT.unpack_from(self._bytes)
        if in_hand:
            deaths, suspect = (deaths + 1 if exchange == suspect else 1), exchange
        self._deaths, self._suspect = deaths, suspect
        _LAYOUT.pack_into(self._bytes, 0, 0, bytes(16), deaths, suspect)

    @property
    def suspect(self) -> bytes | None:
        """The exchange that was in hand when the shipper last died, as long as it is not past it."""
        return self._suspect if self._deaths else None

    @property
    def culprit(self) -> bytes | None:
        """The suspect, when it was in hand so often that it is to blame."""
        return self._suspect if self._deaths >= _DEADLY else None

    def take(self, exchange: bytes) -> None:
        """An exchange is in hand, or on its way to the broker."""
        _HAND.pack_into(self._bytes, 0, 1, exchange)

    def rest(self) -> None:
        """Nothing is in hand."""
        self._bytes[0] = 0

    def acquit(self) -> None:
        """What was suspected is through, or set aside."""
        self._deaths = 0
        _LAYOUT.pack_into(self._bytes, 0, 0, bytes(16), 0, bytes(16))

    def close(self) -> None:
        """Nothing is in hand, and nothing will be."""
        self.rest()
        if isinstance(self._bytes, mmap.mmap):
            self._bytes.close()


def _mapped(path: Path) -> mmap.mmap | bytearray:
    with contextlib.suppress(OSError):
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(file).st_size < _LAYOUT.size:
                os.pwrite(file, bytes(_LAYOUT.size), 0)  # memory over a hole would be fatal on a full disk
            return mmap.mmap(file, _LAYOUT.size)
        finally:
            os.close(file)
    return bytearray(_LAYOUT.size)
