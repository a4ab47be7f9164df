"""Who reads cannot write, and who writes down requests can do nothing else: Postgres refuses it."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import httpx2
import pytest

from plait.api.admission import Admin
from plait.api.app import create_app
from plait.api.database import Database
from plait.cli import database as bringing
from plait.cli import main
from plait.common.access.doors import Doors
from plait.common.forgetting import Selection, ask
from plait.common.migrate import migrate
from plait.common.postgres import NoRole, Role, open_pool
from plait.common.queries.administration import latest_actions, note_action

WRITING = [
    "INSERT INTO deletions (asked_by, selection) VALUES ('x', '{}')",
    "INSERT INTO exchanges (id, domain, started_at) VALUES (gen_random_uuid(), 'x', now())",
    "UPDATE exchanges SET domain = 'x'",
    "DELETE FROM exchanges",
    "TRUNCATE public.blobs",
    "DROP TABLE public.usage",
    "CREATE TABLE mine (a integer)",
    "ALTER TABLE public.exchanges OWNER TO CURRENT_USER",
    "COPY exchanges TO PROGRAM 'true'",
    "GRANT plait_asker TO CURRENT_USER",
]
PERMITTED = {"INSERT INTO deletions (asked_by, selection) VALUES ('x', '{}')"}
LOGIN = "reader_in_tests"


@pytest.fixture
async def login(postgres_url: str) -> AsyncIterator[str]:
    """Address for a user who may be what the API is, and owns nothing."""
    name, password = f"{LOGIN}_{secrets.token_hex(4)}", 'it\'s "secret"'
    await bringing.give_login(postgres_url, name, "old", ["plait_reader"])
    await bringing.give_login(postgres_url, name, password, ["plait_reader", "plait_limited", "plait_asker"])
    yield str(httpx2.URL(postgres_url).copy_with(username=name, password=password))
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f"DROP ROLE {name}")
    await connection.close()


@pytest.mark.parametrize("role", ["plait_reader", "plait_limited", "plait_asker"])
async def test_writing_is_refused(login: str, role: Role) -> None:
    pool = await open_pool(login, name="test", size=1, role=role)
    try:
        for way in ("", "RESET ROLE", "SET ROLE NONE", "SET search_path TO public"):
            for statement in WRITING:
                if role == "plait_asker" and statement in PERMITTED:
                    continue
                async with pool.acquire() as connection:
                    if way:
                        await connection.execute(way)
                    with pytest.raises(asyncpg.InsufficientPrivilegeError):
                        await connection.execute(statement)
    finally:
        await pool.close()


async def test_the_api_cannot_write_whoever_it_logs_in_as(postgres_url: str, login: str) -> None:
    for url in (postgres_url, login):
        database = Database(url)
        try:
            for pool in (await database.pool(), await database.limited(["a.test"])):
                async with pool.acquire() as connection:
                    await connection.execute("SET default_transaction_read_only = off")
                    with pytest.raises(asyncpg.InsufficientPrivilegeError):
                        await connection.execute("DELETE FROM exchanges")
        finally:
            await database.close()


async def test_an_administrator_s_call_is_written_down_and_a_reader_s_refused(postgres_url: str, login: str) -> None:
    owner = await asyncpg.connect(postgres_url)
    database = Database(login)
    app = create_app(database, Doors("viewer", "admin"))
    done: list[str] = []

    async def act(admin: Admin) -> None:
        done.append(admin.name)

    app.add_api_route("/api/act", act, methods=["DELETE"])
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test") as client:
        refused = await client.delete("/api/act?a=1", headers={"X-API-Key": "viewer"})
        assert (refused.status_code, refused.json()["error"]["type"]) == (403, "permission_error")
        assert (done, await latest_actions(owner, 10)) == ([], [])
        await client.delete("/api/act?a=1", headers={"X-API-Key": "admin", "X-Request-ID": "mine"})
        (action,) = await latest_actions(owner, 10)
        assert (action.key_name, action.method, action.path) == ("ADMIN_API_KEY", "DELETE", "/api/act")
        assert (action.query, action.request_id) == ("a=1", "mine")
        await owner.execute("DROP TABLE admin_actions")
        with pytest.raises(asyncpg.UndefinedTableError):
            await latest_actions(owner, 10)
        assert (await client.delete("/api/act", headers={"X-API-Key": "admin"})).status_code == 503
    assert done == ["ADMIN_API_KEY"], "what could not be written down was done"
    await database.close()
    await owner.close()


def test_what_administrators_did_is_shown(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_url)

    async def act() -> None:
        connection = await asyncpg.connect(postgres_url)
        for n in range(3):
            await note_action(
                connection, key_name="ops", method="DELETE", path=f"/api/{n}", query="a=1", request_id=f"call-{n}"
            )
        await connection.close()

    def shown(*arguments: str) -> list[str]:
        with pytest.raises(SystemExit):
            main.main(["audit", *arguments])
        return re.findall(r"call-\d", capsys.readouterr().out)

    assert shown() == []
    asyncio.run(act())
    assert shown() == ["call-2", "call-1", "call-0"]
    assert shown("--limit", "1") == ["call-2"]


async def test_who_asks_for_deletions_can(login: str) -> None:
    database = Database(login)
    assert await ask(await database.asking(), Selection(domain="a.test"), "somebody") == 1
    await database.close()


async def test_who_may_not_be_a_role_is_told_so(postgres_url: str) -> None:
    name = f"{LOGIN}_{secrets.token_hex(4)}"
    await bringing.give_login(postgres_url, name, "x", ["plait_reader"])
    own = str(httpx2.URL(postgres_url).copy_with(username=name, password="x"))
    with pytest.raises(NoRole, match="plait_asker"):
        await open_pool(own, name="test", role="plait_asker")
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f"DROP ROLE {name}")
    await connection.close()


async def test_an_owner_who_is_no_superuser_migrates(empty_postgres_url: str) -> None:
    """The roles are there already (an administrator made them); the owner is given them."""
    database_name = urlsplit(empty_postgres_url).path.removeprefix("/")
    owner = f"owner_{secrets.token_hex(4)}"
    superuser = await asyncpg.connect(empty_postgres_url)
    await migrate(superuser)
    await superuser.execute(f"CREATE ROLE {owner} LOGIN PASSWORD 'x'")
    await superuser.execute(f"GRANT plait_reader, plait_limited, plait_asker TO {owner} WITH ADMIN OPTION")
    await superuser.execute(f"DROP SCHEMA limited CASCADE; DROP OWNED BY {owner}; DROP SCHEMA public CASCADE")
    await superuser.execute(f"CREATE SCHEMA public AUTHORIZATION {owner}")
    await superuser.execute(f'GRANT CREATE ON DATABASE "{database_name}" TO {owner}')
    own = str(httpx2.URL(empty_postgres_url).copy_with(username=owner, password="x"))
    try:
        connection = await asyncpg.connect(own)
        await migrate(connection)
        await connection.close()
        pool = await open_pool(own, name="test", role="plait_reader")
        assert await pool.fetchval("SELECT count(*) FROM exchanges") == 0
        await pool.close()
    finally:
        await superuser.execute(f"DROP OWNED BY {owner}; DROP ROLE {owner}")
        await superuser.close()
