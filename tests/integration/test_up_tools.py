"""The commands that look at a broker and a database, on both brokers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest
from aiokafka.structs import ConsumerRecord

from plait.cli import database, dead_letters, lag, topics
from plait.cli.home import Addresses, Home
from plait.cli.target import BrokerSettings
from plait.common.deadletters import DeadLetters, of_record, resend
from plait.common.errors import DependencyDown, UserError
from plait.common.kafka import admin_client, ensure_topics, new_consumer, new_producer, topics_ready
from plait.common.migrate import migrations
from plait.common.topics import ALL, RESPONSES
from tests.plait_up import run_plait
from tests.ports import free_port
from tests.servers import Broker


@pytest.fixture
def settings(broker: Broker) -> BrokerSettings:
    return BrokerSettings(kafka_bootstrap_servers=broker.servers, kafka_flavor=broker.flavor)


@pytest.fixture
async def with_topics(settings: BrokerSettings) -> BrokerSettings:
    async with admin_client(settings) as admin:
        await ensure_topics(admin, settings)
        async with asyncio.timeout(60):
            while not (await topics_ready(admin) and all(s.is_good for s in await topics.look(settings, create=False))):
                await asyncio.sleep(0.05)
    return settings


async def test_topics_only_looks_when_asked(settings: BrokerSettings) -> None:
    states = await topics.look(settings, create=False)
    assert [state.partitions for state in states] == [None] * len(ALL)
    assert [state.partitions for state in await topics.look(settings, create=False)] == [None] * len(ALL)


async def test_topics_creates_on_kafka_and_leaves_the_embedded_broker_to_the_shipper(settings: BrokerSettings) -> None:
    states = await topics.look(settings, create=True)
    assert all(state.is_good for state in states) == (settings.kafka_flavor == "kafka")


async def test_topics_are_good_after_the_shipper_made_them(with_topics: BrokerSettings) -> None:
    assert all(state.is_good for state in await topics.look(with_topics, create=False))


async def _publish(settings: BrokerSettings, count: int) -> None:
    producer = new_producer(settings)
    await producer.start()
    for number in range(count):
        await producer.send_and_wait(RESPONSES.name, value=b"{}", key=str(number).encode())
    await producer.stop()


async def _consume(settings: BrokerSettings, group: str, count: int) -> None:
    consumer = new_consumer(settings, group, [RESPONSES])
    await consumer.start()
    for _ in range(count):
        await consumer.getone()
    await consumer.commit()
    await consumer.stop()


async def test_lag_counts_what_is_not_committed(with_topics: BrokerSettings) -> None:
    await _publish(with_topics, 5)
    await _consume(with_topics, "plait.ledger", 5)
    await _publish(with_topics, 2)
    found = {(f.group, f.topic): (f.committed, f.records) for f in await lag.measure(with_topics)}
    assert found[("plait.ledger", "plait.responses")] == (5, 2)
    assert found[("plait.linker", "plait.responses")] == (0, 7)
    assert found[("plait.linker", "plait.requests")] == (0, 0)


async def test_lag_without_topics_says_so(settings: BrokerSettings) -> None:
    with pytest.raises(DependencyDown, match="no topics yet"):
        await lag.measure(settings)


def _record(offset: int) -> ConsumerRecord[bytes | None, bytes | None]:
    return ConsumerRecord(
        "plait.responses", 3, offset, 0, 0, b"key", b"not an event", None, 3, 12, [("trace", b"\xff\x00")]
    )


async def _put_aside(settings: BrokerSettings, *offsets: int) -> None:
    letters = DeadLetters(settings)
    await letters.publish([of_record(_record(offset), "plait.ledger", "not JSON") for offset in offsets])
    await letters.close()


async def test_dead_letters_are_listed_once_a_place(with_topics: BrokerSettings) -> None:
    await _put_aside(with_topics, 1, 2, 1)
    found = await dead_letters.read(with_topics)
    assert sorted(each.letter.place for each in found) == ["plait.responses-3-1", "plait.responses-3-2"]


async def test_a_dead_letter_is_sent_again_as_it_was(with_topics: BrokerSettings) -> None:
    await _put_aside(with_topics, 1, 2)
    letters = dead_letters.choose(await dead_letters.read(with_topics), ["plait.responses-3-2"])
    await resend(with_topics, letters)
    consumer = new_consumer(with_topics, "reader", [RESPONSES])
    await consumer.start()
    record = await consumer.getone()
    await consumer.stop()
    assert (record.key, record.value, list(record.headers)) == (b"key", b"not an event", [("trace", b"\xff\x00")])


async def test_an_unknown_place_is_refused(with_topics: BrokerSettings) -> None:
    with pytest.raises(UserError, match=r"There is no dead letter plait\.responses-9-9"):
        dead_letters.choose(await dead_letters.read(with_topics), ["plait.responses-9-9"])


async def test_no_dead_letters_is_an_empty_list(with_topics: BrokerSettings) -> None:
    assert await dead_letters.read(with_topics) == []


async def test_no_dead_letters_is_said(with_topics: BrokerSettings, tmp_path: Path) -> None:
    env = {"KAFKA_BOOTSTRAP_SERVERS": with_topics.kafka_bootstrap_servers, "KAFKA_FLAVOR": with_topics.kafka_flavor}
    said = await asyncio.to_thread(run_plait, "dead-letters", "list", env=env, cwd=tmp_path)
    assert (said.returncode, said.stdout) == (0, "No dead letters.\n")


async def test_the_database_is_created_and_migrated_once(empty_postgres_url: str) -> None:
    assert len(await database.bring_up_to_date(empty_postgres_url)) == len(migrations())
    assert await database.bring_up_to_date(empty_postgres_url) == []


async def test_a_database_that_is_missing_is_named(empty_postgres_url: str) -> None:
    with pytest.raises(UserError, match=r"has no database .*/no_such_database"):
        await database.connect(empty_postgres_url.rsplit("/", 1)[0] + "/no_such_database")


async def test_create_if_missing_twice(postgres_server: str) -> None:
    name = "plait_created_twice"
    await database.create_if_missing(postgres_server, name)
    await database.create_if_missing(postgres_server, name)
    connection = await asyncpg.connect(postgres_server)
    await connection.execute(f"DROP DATABASE {name}")
    await connection.close()


def test_commands_without_servers_say_what_to_do(tmp_path: Path) -> None:
    home = ("--home", str(tmp_path / "home"))
    for command in ("migrate", "topics", "lag"):
        done = run_plait(command, *home, cwd=tmp_path)
        assert done.returncode == 1
        assert "start `plait up`" in done.stderr
        assert "Traceback" not in done.stderr


def test_the_doctor_finds_what_is_wrong_and_says_how_to_repair_it(tmp_path: Path, empty_postgres_url: str) -> None:
    env = {"DATABASE_URL": empty_postgres_url, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    (tmp_path / "home" / "credentials").mkdir(parents=True)
    (tmp_path / "home" / "credentials" / "_default.credentials.json").write_text("{")
    sick = run_plait("doctor", "--home", str(tmp_path / "home"), env=env, cwd=tmp_path)
    assert sick.returncode == 1
    assert "✗ credentials   1 of 1 files cannot be used\n" in sick.stdout
    assert f"0 of {len(migrations())} migrations" in sick.stdout
    assert "→ run `plait migrate`" in sick.stdout
    assert "✗ broker        Kafka at 127.0.0.1:1 cannot be reached.\n" in sick.stdout
    assert "→ mend KAFKA_BOOTSTRAP_SERVERS" in sick.stdout
    assert "Traceback" not in sick.stderr
    assert run_plait("migrate", env=env, cwd=tmp_path).returncode == 0
    assert "✓ Postgres" in run_plait("doctor", "--home", str(tmp_path / "home"), env=env, cwd=tmp_path).stdout


@pytest.mark.parametrize("command", ["lag", "topics"])
def test_a_broker_that_is_away_is_a_sentence(command: str, tmp_path: Path) -> None:
    away = run_plait(command, env={"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}, cwd=tmp_path)
    assert away.returncode == 1
    assert away.stderr == "plait: Kafka at 127.0.0.1:1 cannot be reached.\n"


def test_the_doctor_takes_a_plait_that_is_not_running_for_a_plain_fact(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()
    gateway, api, dashboard = free_port(), free_port(), free_port()
    home.remember(Addresses(gateway=gateway, api=api, dashboard=dashboard, postgres=free_port(), broker=free_port()))
    well = run_plait("doctor", "--home", str(home.path), cwd=tmp_path)
    assert well.returncode == 0, well.stdout
    assert f"✓ plait up      not running on {home.path}; the ports of its last run are free" in well.stdout
    assert "✓ Postgres      not running" in well.stdout
    assert "DATABASE_URL" not in well.stdout
    for command in ("lag", "migrate"):
        assert f"none is running on {home.path}" in run_plait(command, "--home", str(home.path), cwd=tmp_path).stderr
