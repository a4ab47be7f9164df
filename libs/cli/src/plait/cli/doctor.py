"""`plait doctor`: checks everything that Plait needs, and says how to repair what is wrong."""

from __future__ import annotations

import asyncio
import http.client
import json
import shutil
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from plait.cli import database, leftovers, open_deletions, plan, target, topics, untended_analyses, wrong_settings
from plait.cli.embedded import binaries, kafka
from plait.cli.home import Home
from plait.cli.plan import Options
from plait.cli.program import LOOPBACK
from plait.cli.settings import UpSettings, explain
from plait.common.errors import DependencyDown, UserError
from plait.common.kafka import is_embedded
from plait.common.migrate import migrations

if TYPE_CHECKING:
    from plait.gateway.access.directory import Directory
    from plait.gateway.access.table import Table

_OLDEST_PYTHON: Final = (3, 11)
_LEAST_DISK: Final = 2 * 1024**3
_UNSEEN: Final = ("not looked at: Postgres does not answer", "see what is said of Postgres, and look again")


@dataclass(frozen=True)
class Finding:
    """The result of one check."""

    check: str
    good: bool
    says: str
    repair: str = ""


Check = Callable[[Home], Awaitable[Finding]]


async def examine(home: Home) -> list[Finding]:
    """All checks, side by side; a check that cannot be made is a finding, too."""
    checks: tuple[Check, ...] = (
        _python, _disk, _packages, _java, _settings, _secrets, _credentials, _is_running, _postgres, _deletions,
        _analyses, _notices, _broker, _spool,
    )  # fmt: skip
    findings = await asyncio.gather(*(check(home) for check in checks))
    return [*findings, *await _services(home)]


async def _python(_: Home) -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= _OLDEST_PYTHON
    return Finding("Python", good, version, "" if good else "run `make setup PYTHON=python3.11`")


async def _disk(home: Home) -> Finding:
    where = next(folder for folder in (home.path, *home.path.parents) if folder.exists())
    free = shutil.disk_usage(where).free
    good = free >= _LEAST_DISK
    repair = "" if good else "make room, or put the home elsewhere with --home: a full disk stops the recording"
    return Finding("disk", good, f"{free / 1024**3:.1f} GiB free at {where}", repair)


async def _packages(_: Home) -> Finding:
    given = UpSettings()
    if given.database_url and given.kafka_bootstrap_servers:
        return Finding("packages", True, "none are needed: Postgres and the broker are given")
    try:
        binaries.postgres_folder(None)
        binaries.broker_program()
    except UserError as error:
        return Finding("packages", False, str(error), "run `make setup`")
    return Finding("packages", True, "embedded Postgres and broker are installed")


async def _java(_: Home) -> Finding:
    lack = await asyncio.to_thread(kafka.missing)
    return Finding("Java", True, f"only `--broker kafka` needs it. {lack}" if lack else "good for `--broker kafka`")


async def _settings(home: Home) -> Finding:
    try:
        wrong = wrong_settings.of_environment(home.path)
    except ModuleNotFoundError as error:  # an image holds one service
        return Finding("settings", True, f"not looked at: {error.name} is not installed here")
    if wrong:
        return Finding("settings", False, " ".join(wrong), "mend the environment or `.env`")
    return Finding("settings", True, "every part accepts them")


async def _secrets(home: Home) -> Finding:
    path = home.path / "secrets.json"
    if not path.exists():
        return Finding("secrets", True, "none yet: the first `plait up` makes them")
    try:
        home.secrets()
    except UserError as error:
        return Finding("secrets", False, str(error), "restore secrets.json from a backup")
    if path.stat().st_mode & 0o077:
        return Finding("secrets", False, f"{path} can be read by others", f"chmod 600 {path}")
    return Finding("secrets", True, "there, readable by you alone")


async def _credentials(home: Home) -> Finding:
    try:
        from plait.gateway.access.directory import Directory
    except ModuleNotFoundError as error:  # an image holds one service
        return Finding("credentials", True, f"not looked at: {error.name} is not installed here")
    directory = Directory(target.credentials(home))
    table = await asyncio.to_thread(directory.scan)
    if problems := directory.problems:
        says = f"{len(problems)} of {len(directory.files)} files cannot be used" if directory.files else directory.fault
        return Finding("credentials", False, says, "`plait credentials` says which, and why")
    if not directory.files:
        return Finding("credentials", True, "none: clients' own are passed on")
    return _those_in_force(home, directory, table)


def _those_in_force(home: Home, directory: Directory, table: Table) -> Finding:
    from plait.cli import obstacles

    try:
        shut = [name for name, file in directory.files.items() if obstacles.is_shut(file, time.time())]
    except ValidationError as error:
        return Finding("credentials", False, explain(error), "mend the environment or `.env`")
    if shut:
        says = f"{len(shut)} of {len(directory.files)} files let nobody through"
        return Finding("credentials", False, says, "`plait credentials` says which, and why")
    addresses = home.addresses()
    local = f"{LOOPBACK}:{addresses.gateway if addresses else Options.gateway_port}"
    unknown = "" if table.source(local) else f"; none is for http://{local}, whose requests are refused"
    return Finding("credentials", True, f"{len(directory.files)} files, all good{unknown}")


async def _is_running(home: Home) -> Finding:
    if home.is_locked():
        return Finding("plait up", True, f"runs on {home.path}")
    if left := await asyncio.to_thread(leftovers.find, home.path):
        pids = ", ".join(str(process.pid) for process in left)
        return Finding("plait up", False, f"was killed and left processes {pids}", "run `plait up` once: it cleans up")
    return _ports_of_the_next(home)


def _ports_of_the_next(home: Home) -> Finding:
    """The next `plait up` takes the usual ports unless it is told to take others, as the last one may have been."""
    addresses, usual = home.addresses(), Options(home.path).ports
    last = {"gateway": addresses.gateway, "api": addresses.api} if addresses else usual
    if addresses and addresses.dashboard:
        last = last | {"dashboard": addresses.dashboard}
    if taken := _taken(last):
        return Finding("plait up", False, f"not running, but {taken}", "stop the program on it, or choose other ports")
    free = "its ports are free" if last.items() <= usual.items() else "the ports of its last run are free"
    others = _taken({name: port for name, port in usual.items() if port not in last.values()})
    return Finding("plait up", True, f"not running on {home.path}; {free}" + (f", but {others}" if others else ""))


def _taken(ports: dict[str, int]) -> str:
    """Which ports are taken, with the options that choose others; empty when none is."""
    found = [f"port {port} (--{name}-port)" for name, port in ports.items() if plan.taken(LOOPBACK, port)]
    return f"{' and '.join(found)} {'is' if len(found) == 1 else 'are'} taken" if found else ""


async def _postgres(home: Home) -> Finding:
    given = UpSettings().database_url is not None
    if not given and not home.is_locked():
        return Finding("Postgres", True, "not running: `plait up` starts its own")
    try:
        url = target.database_url(home)
        connection = await database.connect(url)
    except UserError as error:
        return Finding("Postgres", False, str(error), "mend DATABASE_URL" if given else f"see {home.logs}/postgres.log")
    try:
        applied = await connection.fetchval("SELECT CASE WHEN to_regclass('migrations') IS NULL THEN 0 ELSE 1 END")
        count = await connection.fetchval("SELECT count(*) FROM migrations") if applied else 0
    finally:
        await connection.close()
    good = count == len(migrations())
    says = f"{database.without_secret(url)}, {count} of {len(migrations())} migrations"
    return Finding("Postgres", good, says, "" if good else "run `plait migrate`")


async def _deletions(home: Home) -> Finding:
    try:
        found = await open_deletions.find(home)
    except (UserError, DependencyDown):
        return Finding("deletions", False, *_UNSEEN)
    if found is None:
        return Finding("deletions", True, "not looked at: Postgres does not run")
    if found:
        return Finding("deletions", False, f"not ended: {open_deletions.told(found)}", "start the linker: it ends them")
    return Finding("deletions", True, "all that were asked for are ended, or at work")


async def _analyses(home: Home) -> Finding:
    try:
        untended = await untended_analyses.count(home)
    except (UserError, DependencyDown):
        return Finding("analyses", False, *_UNSEEN)
    if untended is None:
        return Finding("analyses", True, "not looked at: Postgres does not run")
    if untended:
        return Finding(
            "analyses", False, f"{untended} wait, and nobody makes them", "start the analyzer, or see its log"
        )
    return Finding("analyses", True, "none waits that somebody should be making")


async def _notices(home: Home) -> Finding:
    from plait.notifier.settings import ChannelSettings
    from plait.notifier.trial import ways_out

    try:
        settings = ChannelSettings(credentials_dir=target.credentials(home))
    except ValidationError as error:
        return Finding("notices", False, explain(error), "mend the environment or `.env`")
    found = await asyncio.to_thread(ways_out, settings)
    if faults := [f"{lane}: {fault}" for lane, fault in found.items() if fault]:
        return Finding("notices", False, "; ".join(faults), "mend the address, or name its host (docs/notices.md)")
    says = f"go to {', '.join(sorted(found))}" if found else "go nowhere: none are set up"
    runs = " by the settings here; the `plait up` that runs has those it was started with" if home.is_locked() else ""
    return Finding("notices", True, says + runs)


async def _broker(home: Home) -> Finding:
    given = UpSettings().kafka_bootstrap_servers is not None
    if not given and not home.is_locked():
        return Finding("broker", True, "not running: `plait up` starts its own")
    try:
        settings = target.broker(home)
        states = await topics.look(settings, create=False)
    except (UserError, DependencyDown) as error:
        repair = "mend KAFKA_BOOTSTRAP_SERVERS" if given else f"see {home.logs}/broker.log"
        return Finding("broker", False, str(error), repair)
    bad = [state.topic.name for state in states if not state.is_good]
    kind, good = settings.kafka_flavor, len(states) - len(bad)
    says = f"{settings.kafka_bootstrap_servers} ({kind}), {good} of {len(states)} topics"
    repair = "wait for the shipper, and see its log" if is_embedded(settings) else "run `plait topics`"
    return Finding("broker", not bad, says, repair if bad else "")


async def _spool(home: Home) -> Finding:
    if not home.spool.exists():
        return Finding("spool", True, "none yet")
    sizes = [file.stat().st_size for file in home.spool.rglob("*") if file.is_file()]
    return Finding("spool", True, f"{sum(sizes) / 1024**2:.1f} MiB in {home.spool}")


async def _services(home: Home) -> list[Finding]:
    """The health of the processes of a running `plait up`."""
    addresses = home.addresses() if home.path.exists() and home.is_locked() else None
    if addresses is None:
        return []
    ports = {"gateway": addresses.gateway, "api": addresses.api, "dashboard": addresses.dashboard, **addresses.health}
    known = {name: port for name, port in ports.items() if port}
    return list(await asyncio.gather(*(asyncio.to_thread(_health, home, name, port) for name, port in known.items())))


def _health(home: Home, name: str, port: int) -> Finding:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=3)
    log = f"see {home.logs / name}.log"
    try:
        connection.request("GET", "/health/ready")
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        return Finding(name, False, f"does not answer on port {port} ({error})", log)
    finally:
        connection.close()
    if answer.status == http.HTTPStatus.OK:
        return Finding(name, True, "ready")
    return Finding(name, False, _complaints(body) or f"answers {answer.status}", log)


def _complaints(body: bytes) -> str:
    try:
        checks = json.loads(body).get("checks", {})
    except (ValueError, AttributeError):
        return ""
    return "; ".join(f"{name}: {check.get('message') or check.get('status')}" for name, check in checks.items())
