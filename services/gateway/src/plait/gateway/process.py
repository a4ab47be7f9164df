"""What a gateway asks of the process that it runs in."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import resource
from typing import Final

_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
"""Names of two options of glibc's `mallopt`."""
_KEPT_BYTES: Final = 64 * 1024 * 1024
_LARGEST_KEPT: Final = 16 * 1024 * 1024


def fit_process() -> None:
    """Have the process keep what it needs again and again."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a connection is two: client's and Claude's
    gc.freeze()  # what was imported stays: no collection has to look at it again, nor so often at what comes and goes
    gc.set_threshold(10_000, 20, 20)
    # Memory of large bodies went back to the system with each call and was faulted in again: 4 ms for 1 MB.
    with contextlib.suppress(AttributeError, OSError):  # another libc has its own ways
        libc = ctypes.CDLL(None)
        libc.mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
        libc.mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT)
