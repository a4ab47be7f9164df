"""Changes a file that people and programs share: whole or not at all, and one change after the other."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from plait.common.errors import Broken, UserError

_PRIVATE: Final = 0o600


def rewrite(path: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Replace what the JSON file holds by what `change` makes of it; a file that is not there is made.

    Blocks. Afterwards it is readable by its owner alone, and on the disk. Who changes it at the same time, in this
    process or in another that shares the folder, waits.

    Raises:
        Broken: it holds no JSON object, so that nothing of it could be kept.
        OSError: it cannot be read or written; it is as it was.
    """
    path = path.resolve()  # a link stays a link
    with _turn(path):
        before = _content(path)
        after = change(before)
        if after != before:
            _replace(path, msgspec.json.format(msgspec.json.encode(after)) + b"\n")


def rewrite_checked(
    path: Path, change: Callable[[dict[str, Any]], dict[str, Any]], check: Callable[[bytes], object]
) -> None:
    """`rewrite`, where only a good file is changed, and only into a good one; its folder is made.

    `check` gets what the file holds and what it is to hold, and raises Broken where that is no good.

    Raises:
        UserError: the file is broken, or cannot be read or written; it is as it was.
    """

    def checked(content: dict[str, Any]) -> dict[str, Any]:
        check(msgspec.json.encode(content))
        changed = change(content)
        check(msgspec.json.encode(changed))
        return changed

    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        rewrite(path, checked)
    except Broken as error:
        raise UserError(f"{path} cannot be changed, {error}.") from error
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from error


@contextmanager
def _turn(path: Path) -> Iterator[None]:
    """The lock lies beside the file: the file itself is replaced, and a lock on it would go with it."""
    lock = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE)
    try:
        own(lock, path)
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _content(path: Path) -> dict[str, Any]:
    try:
        content = msgspec.json.decode(path.read_bytes())
    except FileNotFoundError:
        return {}
    except msgspec.DecodeError as error:
        raise Broken(str(error)) from error
    if not isinstance(content, dict):
        raise Broken("it holds no JSON object")
    return content


def _replace(path: Path, content: bytes) -> None:
    making = path.with_name(f".{path.name}.new")
    try:
        descriptor = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _PRIVATE)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, _PRIVATE)
            own(descriptor, path)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        making.replace(path)
    except OSError:
        with suppress(OSError):
            making.unlink()
        raise
    _sync(path.parent)


def own(descriptor: int, path: Path) -> None:
    """What root makes beside `path` stays with the user that reads it: the file's owner, else the folder's.

    `descriptor`: what was made.
    """
    if os.geteuid() == 0:
        status = (path if path.exists() else path.parent).stat()
        os.fchown(descriptor, status.st_uid, status.st_gid)


def _sync(folder: Path) -> None:
    """The new name too has to be on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
