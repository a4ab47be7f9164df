"""Exchange files on disk and in pipes: `-` is a pipe, a name that ends with `.gz` means gzip."""

from __future__ import annotations

import gzip
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, Protocol

from plait.common.errors import UserError
from plait.common.topics import MAX_EVENT_BYTES

PIPE: Final = Path("-")
LONGEST_LINE: Final = 6 * MAX_EVENT_BYTES
"""Bytes of a line: a body that fills an event, an answer that does, its stream, and room."""


class Sink(Protocol):
    """Where lines go."""

    def write(self, data: bytes, /) -> int:
        """Take all of `data`."""
        ...


@contextmanager
def write_to(path: Path) -> Iterator[Sink]:
    """A file that is there when all of it is written, and not before; readable by us alone.

    Raises:
        UserError: it cannot be written.
        BrokenPipeError: nobody reads the standard output any more.
    """
    try:
        if path == PIPE:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        else:
            yield from _written(path)
    except OSError as error:
        if path == PIPE and isinstance(error, BrokenPipeError):
            raise
        where = "The standard output" if path == PIPE else path
        raise UserError(f"{where} cannot be written: {error.strerror}.") from None


def _written(path: Path) -> Iterator[Sink]:
    if path.exists() and not path.is_file():  # a device or a named pipe stays what it is
        with path.open("wb") as file, _compressed(file, path) as sink:
            yield sink
        return
    making = path.with_name(f".{path.name}.{os.getpid()}")
    making.unlink(missing_ok=True)
    descriptor = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            with _compressed(file, path) as sink:
                yield sink
            file.flush()
            os.fsync(descriptor)
        making.rename(path)
    finally:
        making.unlink(missing_ok=True)


@contextmanager
def _compressed(file: IO[bytes], path: Path) -> Iterator[Sink]:
    if path.suffix != ".gz":
        yield file
        return
    with gzip.GzipFile(path.stem, "wb", compresslevel=6, fileobj=file) as packed:
        yield packed


class Source:
    """Lines of a file, and how far into it they are."""

    def __init__(self, path: Path, raw: IO[bytes]) -> None:
        self._raw = raw
        self._lines: IO[bytes] = gzip.GzipFile(fileobj=raw, mode="rb") if path.suffix == ".gz" else raw  # type: ignore[assignment]
        self._number = 0
        self._name = "standard input" if path == PIPE else str(path)
        self.size = os.fstat(raw.fileno()).st_size if path != PIPE else None
        """Bytes of the file, None of a pipe."""

    @property
    def done(self) -> int:
        """Bytes of the file that were read."""
        return self._raw.tell() if self.size is not None else 0

    def line(self, number: int) -> str:
        """A line as errors name it."""
        return f"{self._name}, line {number}"

    def next(self) -> tuple[int, bytes | None] | None:
        """The next line that is not empty with its number from 1; None in its place: too long; None after the last.

        Raises:
            UserError: the file cannot be read further.
        """
        while line := self._read(LONGEST_LINE):
            self._number += 1
            if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                self._skip()
                return self._number, None
            if line.strip():
                return self._number, line
        return None

    @property
    def _after(self) -> str:
        return self.line(self._number + 1)

    def _skip(self) -> None:
        while (part := self._read(LONGEST_LINE)) and not part.endswith(b"\n"):
            pass

    def _read(self, most: int) -> bytes:
        try:
            return self._lines.readline(most)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise UserError(f"{self._after}: the file is damaged ({error}); what stands before is imported.") from None
        except OSError as error:
            raise UserError(f"{self._after}: cannot be read: {error.strerror}.") from None


@contextmanager
def read_from(path: Path) -> Iterator[Source]:
    """The lines of a file.

    Raises:
        UserError: it is not there, or may not be read.
    """
    if path == PIPE:
        yield Source(path, sys.stdin.buffer)
        return
    try:
        raw = path.open("rb")
        raw.peek(1)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    with raw:
        yield Source(path, raw)
