"""`plait up` from start to stop, and everything that it refuses with a sentence."""

from __future__ import annotations

import json
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from plait.cli.main import app
from plait.cli.program import LOOPBACK
from tests.plait_up import PlaitUp, run_plait
from tests.ports import free_port

PARTS = ("postgres", "broker", "gateway", "shipper", "linker", "ledger", "analyzer", "notifier", "api")
WORKERS = ("shipper", "linker", "ledger", "analyzer", "notifier")


@pytest.fixture(scope="module")
def plait(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlaitUp]:
    """It runs in a folder whose files are called like modules: people start Plait inside their projects."""
    folder = tmp_path_factory.mktemp("up")
    for name in ("secrets.py", "zstandard.py", "uvicorn.py"):
        (folder / name).write_text("raise SystemExit('a file of the working directory was imported')")
    with PlaitUp(folder / "home") as running:
        yield running.wait_ready()


def test_files_of_the_working_directory_are_not_taken_for_modules(plait: PlaitUp) -> None:
    plait.wait_said("Plait is ready")
    told = [log.read_text(errors="replace") for log in (plait.home / "logs").iterdir()]
    assert not any("was imported" in text for text in [plait.said(), *told])


def test_each_part_has_a_pid_file_and_workers_share_a_process(plait: PlaitUp) -> None:
    plait.wait_said("Plait is ready")
    pids = {part: plait.pid(part) for part in PARTS}
    assert all(pid and psutil.pid_exists(pid) for pid in pids.values()), pids
    assert len({pids[worker] for worker in WORKERS}) == 1
    assert len(set(pids.values())) == 5


def test_each_part_has_a_log(plait: PlaitUp) -> None:
    assert {f"{part}.log" for part in PARTS} <= {p.name for p in (plait.home / "logs").iterdir()}


def test_the_block_has_the_addresses_the_key_and_the_two_lines(plait: PlaitUp) -> None:
    plait.wait_said("Ctrl-C stops everything")
    said = plait.said()
    key = json.loads((plait.home / "secrets.json").read_text())["dashboard_key"]
    assert f"export ANTHROPIC_BASE_URL=http://127.0.0.1:{plait.gateway}\n  claude\n" in said
    assert f"http://127.0.0.1:{plait.api}" in said
    assert key in said


def test_secrets_are_ours_alone(plait: PlaitUp) -> None:
    assert stat.S_IMODE((plait.home / "secrets.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(plait.home.stat().st_mode) == 0o700


def test_a_second_one_on_the_same_home_is_refused(plait: PlaitUp) -> None:
    second = run_plait("up", "--home", str(plait.home), "--gateway-port", str(free_port()), cwd=plait.home.parent)
    assert second.returncode == 1
    assert f"Plait already runs on {plait.home} (process {plait.process.pid})" in second.stderr
    assert "--home" in second.stderr
    assert plait.is_ready()


def test_a_taken_port_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        refused = run_plait("up", "--home", str(tmp_path / "home"), "--gateway-port", str(port), cwd=tmp_path)
    assert refused.returncode == 1
    assert f"Port {port} is taken by process" in refused.stderr
    assert "--gateway-port" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert list((tmp_path / "home" / "run").glob("*.pid")) == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://me:hidden@127.0.0.1:1/db", "cannot be reached"),
        ("mysql://me:hidden@127.0.0.1/db", "is not an address of Postgres"),
        ("postgresql://me:hidden@nowhere.invalid/db", "cannot be reached"),
    ],
)
def test_a_broken_database_url_is_refused(tmp_path: Path, url: str, reason: str) -> None:
    ports = ("--gateway-port", str(free_port()), "--api-port", str(free_port()), "--no-dashboard")
    refused = run_plait("up", "--home", str(tmp_path / "home"), *ports, env={"DATABASE_URL": url}, cwd=tmp_path)
    assert refused.returncode == 1
    assert reason in refused.stderr
    assert "hidden" not in refused.stdout + refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(("name", "value"), [("CLAUDE_API_BASE_URL", "foo"), ("LOG_LEVEL", "loud")])
def test_a_setting_that_a_part_would_refuse_is_refused_before_anything_is_started(
    tmp_path: Path, name: str, value: str
) -> None:
    ports = ("--gateway-port", str(free_port()), "--api-port", str(free_port()), "--no-dashboard")
    refused = run_plait("up", "--home", str(tmp_path / "home"), *ports, env={name: value}, cwd=tmp_path)
    assert refused.returncode == 1
    assert f"{name}={value} cannot be used: it must " in refused.stderr
    assert list((tmp_path / "home" / "logs").iterdir()) == []
    for command in ("settings", "doctor"):
        told = run_plait(command, env={name: value, "PLAIT_HOME": str(tmp_path / "home")}, cwd=tmp_path)
        assert told.returncode == 1
        assert f"{name}={value} cannot be used" in told.stdout + told.stderr


def test_a_wrong_password_is_refused(tmp_path: Path, postgres_url: str) -> None:
    wrong = postgres_url.replace("://plait:", "://plait:not-")
    ports = ("--gateway-port", str(free_port()), "--api-port", str(free_port()), "--no-dashboard")
    refused = run_plait("up", "--home", str(tmp_path / "home"), *ports, env={"DATABASE_URL": wrong}, cwd=tmp_path)
    assert (refused.returncode, "refuses this user or password" in refused.stderr) == (1, True)


@pytest.mark.parametrize("port", ["0", "-1", "65536", "99999"])
def test_a_port_that_cannot_be_is_refused_with_a_sentence(tmp_path: Path, port: str) -> None:
    refused = run_plait("up", "--gateway-port", port, cwd=tmp_path)
    assert refused.returncode == 2
    assert f'Invalid value "{port}" for --gateway-port. Must be' in refused.stderr


def test_wrong_usage_exits_2(tmp_path: Path) -> None:
    assert run_plait("up", "--gateway-port", "many", cwd=tmp_path).returncode == 2
    assert run_plait("run", "nothing", cwd=tmp_path).returncode == 2
    unknown = run_plait("no-such-command", cwd=tmp_path)
    assert unknown.returncode == 2
    commands = ", ".join(sorted(name for name in app if not name.startswith("-")))
    assert {"credentials", "keys", "up"} < set(commands.split(", "))
    assert f"{commands}." in " ".join(unknown.stderr.replace("│", " ").split())


def test_stops_cleanly_and_starts_again_on_what_is_there(tmp_path: Path) -> None:
    home = tmp_path / "home"
    kept = (home / "secrets.json", home / "postgres" / "data" / "PG_VERSION")
    with PlaitUp(home) as first:
        first.wait_ready()
        _stop_cleanly(first, signal.SIGTERM)
    before = [(path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes()) for path in kept]
    with PlaitUp(home) as second:
        second.wait_ready()
        _stop_cleanly(second, signal.SIGINT)
        assert "Cleaned up" not in second.said(), "nothing was left by the first"
    assert [(path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes()) for path in kept] == before


def _stop_cleanly(plait: PlaitUp, number: int) -> None:
    assert plait.stop(number) == 0
    assert plait.left_over() == []
    assert list((plait.home / "run").glob("*.pid")) == []


def test_a_stop_during_the_start_leaves_nothing(tmp_path: Path) -> None:
    with PlaitUp(tmp_path / "home") as plait:
        until_started = tmp_path / "home" / "run" / "gateway.pid"
        while not until_started.exists():
            plait.family()
            assert plait.process.poll() is None, plait.said()
        assert plait.stop() == 0
        assert plait.left_over() == []
        assert plait.said().startswith(f"Starting Plait on {plait.home} ...")
        assert "Stopping ..." in plait.said()


def test_listening_to_the_network_is_warned_of(tmp_path: Path) -> None:
    with PlaitUp(tmp_path / "home", "--host", "0.0.0.0", env={"ALLOW_OPEN_GATEWAY": "true"}) as plait:
        plait.wait_said("open to the network over plain HTTP")
        plait.wait_said("ALLOW_OPEN_GATEWAY is set")


def test_the_network_is_not_let_in_by_an_omission(tmp_path: Path) -> None:
    with PlaitUp(tmp_path / "home", "--host", "0.0.0.0") as plait:
        assert plait.process.wait(60) == 1
        assert "set ALLOW_OPEN_GATEWAY=true to let everybody in" in plait.said()


def test_a_given_database_is_used_and_migrated(tmp_path: Path, empty_postgres_url: str) -> None:
    with PlaitUp(tmp_path / "home", env={"DATABASE_URL": empty_postgres_url}) as plait:
        plait.wait_ready()
        assert plait.pid("postgres") is None
        assert not (tmp_path / "home" / "postgres").exists()


def test_processes_gives_each_part_its_own(tmp_path: Path) -> None:
    with PlaitUp(tmp_path / "home", "--processes") as plait:
        plait.wait_ready()
        plait.wait_said("Plait is ready")
        assert len({plait.pid(part) for part in PARTS}) == len(PARTS)
        assert plait.stop() == 0
        assert plait.left_over() == []
