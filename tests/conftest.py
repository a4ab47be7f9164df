"""Real servers for the tests: Postgres, and a Kafka broker.

Postgres: `DATABASE_URL`, else a container if a Docker engine answers, else the embedded server.
Broker: `KAFKA_BOOTSTRAP_SERVERS`, else what `PLAIT_TEST_BROKER` names (`kafka`: Kafka from its jars, or `embedded`),
else a container if a Docker engine answers, else the embedded broker.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import asyncpg
import hypothesis  # before its plugin does, which imports it in a finalizer's deep stack and crashes the summary
import psutil
import pytest

from plait.cli import leftovers
from plait.cli.embedded import broker as embedded_broker
from plait.cli.embedded import kafka, postgres
from plait.common.migrate import migrate
from tests import servers
from tests.ports import free_port

_PREFIX = "plait-tests-"
_MEMORY = Path("/dev/shm")
"""A database is copied for almost every test: in memory that costs a tenth of what it costs on a disk."""
_ENOUGH_BYTES = 6 << 30

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile(
    "plait", hypothesis.settings(), deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("plait")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that meet a broker, so that they alone can be run again on another one: `-m broker`."""
    for item in items:
        if isinstance(item, pytest.Function) and "kafka_servers" in item.fixturenames:
            item.add_marker("broker")


@pytest.fixture(scope="session")
def servers_home() -> Iterator[Path]:
    """Folder of the embedded servers of this run; what killed runs left is ended and removed first."""
    disk = Path(tempfile.gettempdir())
    for left in [*disk.glob(f"{_PREFIX}*"), *_MEMORY.glob(f"{_PREFIX}*")]:
        if not psutil.pid_exists(int(left.name.removeprefix(_PREFIX))):
            leftovers.end(left, grace=1)
            shutil.rmtree(left, ignore_errors=True)
    roomy = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ENOUGH_BYTES
    home = (_MEMORY if roomy else disk) / f"{_PREFIX}{os.getpid()}"
    home.mkdir(mode=0o711)
    yield home
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def postgres_server(servers_home: Path) -> Iterator[str]:
    """Address of a database whose user may create others."""
    if given := os.environ.get("DATABASE_URL"):
        yield given
    elif _docker_answers():
        with servers.postgres_container() as address:
            yield address
    else:
        port, password = free_port(), secrets.token_hex(16)
        mark = {leftovers.MARK: str(servers_home)}
        program = postgres.prepare(servers_home / "postgres", port, password, env=mark, durable=False)
        with servers.running(program, servers_home / "postgres.log"):
            yield postgres.url(port, password, "postgres")


@pytest.fixture(scope="session")
def migrated_template(postgres_server: str) -> Iterator[str]:
    """Name of a database with all migrations: copying it is faster than migrating each test's anew."""
    name = f"plait_template_{os.getpid()}"
    servers.alone(servers.command(postgres_server, f"CREATE DATABASE {name}"))
    servers.alone(_migrate(servers.address_of(postgres_server, name)))
    yield name
    servers.alone(servers.command(postgres_server, f"DROP DATABASE {name}"))


@pytest.fixture
def empty_postgres_url(postgres_server: str) -> Iterator[str]:
    """Address of a fresh database without any table."""
    with servers.fresh_database(postgres_server, "template1") as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str, migrated_template: str) -> Iterator[str]:
    """Address of a fresh, migrated database."""
    with servers.fresh_database(postgres_server, migrated_template) as url:
        yield url


@pytest.fixture(scope="session")
def kafka_servers(servers_home: Path) -> Iterator[str | None]:
    """Bootstrap servers of the real Kafka that this run uses, None when it uses the embedded broker."""
    wanted = os.environ.get("PLAIT_TEST_BROKER")
    if given := os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        if found := servers.alone(servers.own_topics(given)):
            pytest.fail(f"The tests would delete {', '.join(found)} of {given}: give them a broker of their own.")
        yield given
    elif wanted == "kafka":
        yield from _kafka_from_jars(servers_home)
    elif wanted is None and _docker_answers():
        with servers.kafka_container() as address:
            yield address
    else:
        yield None


@pytest.fixture
def broker(servers_home: Path, kafka_servers: str | None) -> Iterator[servers.Broker]:
    """A broker without topics: the embedded one is new for each test, a real one is emptied."""
    if kafka_servers:
        servers.alone(servers.forget_topics(kafka_servers))
        yield servers.Broker(kafka_servers, "kafka")
        servers.alone(servers.forget_topics(kafka_servers))
    else:
        port = free_port()
        program = embedded_broker.prepare(port, env={leftovers.MARK: str(servers_home)})
        with servers.running(program, servers_home / "broker.log"):
            yield servers.Broker(embedded_broker.servers(port), "embedded")


def _kafka_from_jars(home: Path) -> Iterator[str]:
    if lack := kafka.missing():
        pytest.skip(lack)
    port = free_port()
    program = kafka.prepare(home / "kafka", port, free_port(), env={leftovers.MARK: str(home)})
    with servers.running(program, home / "kafka.log"):
        yield embedded_broker.servers(port)


@cache
def _docker_answers() -> bool:
    if not shutil.which("docker"):
        return False
    return subprocess.run(["docker", "info"], capture_output=True, check=False, timeout=60).returncode == 0


async def _migrate(address: str) -> None:
    connection = await asyncpg.connect(address)
    try:
        await migrate(connection)
    finally:
        await connection.close()
