"""How the tests' servers are started and emptied; `conftest.py` decides which."""

from __future__ import annotations

import asyncio
import secrets
import subprocess
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient
from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.container import DockerContainer

from plait.cli.program import LOOPBACK, Program, listening
from plait.common.topics import MAX_EVENT_BYTES
from tests.ports import free_port

ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Broker:
    """A broker without topics."""

    servers: str
    flavor: str
    """`embedded` or `kafka`, as in KAFKA_FLAVOR."""


@contextmanager
def running(program: Program, log: Path, timeout: float = 150.0) -> Iterator[int]:
    """The process id of `program`, ready; it is stopped at the end."""
    with log.open("ab") as out:
        process = subprocess.Popen(program.argv, **program.options(), stdout=out, stderr=out)
    try:
        until = time.monotonic() + timeout
        while not program.ready(process.pid):
            assert process.poll() is None, f"{program.name} ended: {log.read_text()[-2000:]}"
            assert time.monotonic() < until, f"{program.name} is not ready after {timeout} s: {log.read_text()[-2000:]}"
            time.sleep(0.005)
        yield process.pid
    finally:
        process.send_signal(program.stop_signal)
        try:
            process.wait(program.grace)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def fresh_database(server: str, template: str) -> Iterator[str]:
    """The address of a new copy of a database, which is dropped at the end."""
    name = f"plait_test_{secrets.token_hex(6)}"
    alone(command(server, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"))
    yield address_of(server, name)
    alone(command(server, f"DROP DATABASE {name} WITH (FORCE)"))


def alone(work: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Run it in a loop of its own that leaves no trace for the test's loop."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(work)


async def command(server: str, statement: str) -> None:
    """Run one statement."""
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def address_of(server: str, name: str) -> str:
    """The address of another database of a server."""
    return urlsplit(server)._replace(path=f"/{name}").geturl()


async def own_topics(servers: str) -> list[str]:
    """Plait's topics on a broker."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        return [name for name in await admin.list_topics() if name.startswith("plait.")]
    finally:
        await admin.close()


async def forget_topics(servers: str) -> None:
    """Delete Plait's topics, with what is in them and what groups have committed; returns when no broker lists them."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        while names := [name for name in await admin.list_topics() if name.startswith("plait.")]:
            await admin.delete_topics(names)
            await asyncio.sleep(0.02)
    finally:
        await admin.close()


@contextmanager
def postgres_container() -> Iterator[str]:
    """The address of a Postgres in a container."""
    with PostgresContainer("postgres:18-alpine", driver=None) as server:
        yield server.get_connection_url()


@contextmanager
def kafka_container() -> Iterator[str]:
    """Bootstrap servers of an Apache Kafka in a container."""
    port = free_port()
    settings = {
        "NODE_ID": "1",
        "PROCESS_ROLES": "broker,controller",
        "LISTENERS": f"PLAINTEXT://:{port},CONTROLLER://:9093",
        "ADVERTISED_LISTENERS": f"PLAINTEXT://{LOOPBACK}:{port}",
        "CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "AUTO_CREATE_TOPICS_ENABLE": "false",
        "MESSAGE_MAX_BYTES": str(MAX_EVENT_BYTES),
        "SOCKET_REQUEST_MAX_BYTES": str(2 * MAX_EVENT_BYTES),
    }
    container = DockerContainer("apache/kafka:4.1.1").with_bind_ports(port, port)
    for name, value in settings.items():
        container.with_env(f"KAFKA_{name}", value)
    with container:
        until = time.monotonic() + 60
        while not listening(port):
            assert time.monotonic() < until, "Kafka's container does not listen after 60 s"
            time.sleep(0.1)
        yield f"{LOOPBACK}:{port}"
