"""What the doctor makes of credential files and of ports."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from plait.cli import doctor
from plait.cli.doctor import Finding
from plait.cli.home import Addresses, Home
from plait.cli.plan import Options
from plait.cli.program import LOOPBACK
from tests.ports import free_port

UPSTREAM = {"type": "api_key", "api_key": "sk-ant-upstream"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.chdir(tmp_path)
    for name in ("CREDENTIALS_DIR", "ENABLE_CLIENT_AUTH", "PASS_CLIENT_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    for name in ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS"):
        monkeypatch.delenv(name, raising=False)
    made = Home(tmp_path / "home")
    made.create()
    return made


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


async def finding(home: Home, check: str) -> Finding:
    return next(each for each in await doctor.examine(home) if each.check == check)


def write(home: Home, domain: str, content: Mapping[str, object]) -> None:
    path = home.credentials / f"{domain}.credentials.json"
    path.write_text(json.dumps(content))
    path.chmod(0o600)


def usual_ports(monkeypatch: pytest.MonkeyPatch, gateway: int) -> None:
    ports = {"gateway": gateway, "api": free_port(), "dashboard": free_port()}
    monkeypatch.setattr(Options, "ports", ports)


def run_before(home: Home, gateway: int) -> None:
    home.remember(Addresses(gateway=gateway, api=free_port(), dashboard=free_port(), postgres=1, broker=1))


async def test_domains_that_let_nobody_through_are_found(home: Home) -> None:
    write(home, "a.example", {"client_api_key": "k"})
    write(home, "b.example", UPSTREAM | {"client_api_key": "k"})
    found = await finding(home, "credentials")
    assert (found.good, found.says) == (False, "1 of 2 files let nobody through")


async def test_where_notices_go_is_told_and_what_keeps_them(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLACK_WEBHOOK_URL", raising=False)
    assert (await finding(home, "notices")).says == "go nowhere: none are set up"
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T/B/x")
    assert (await finding(home, "notices")).says == "go to slack"
    write(home, "a.example", {"slack": {"webhook_url": "https://hooks.other.example/secret"}})
    found = await finding(home, "notices")
    assert (found.good, found.says) == (
        False,
        "slack a.example: hooks.other.example is not among WEBHOOK_ALLOWED_HOSTS",
    )


async def test_a_setting_that_cannot_be_used_is_named(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASS_CLIENT_CREDENTIALS", "perhaps")
    write(home, "a.example", UPSTREAM)
    found = await finding(home, "credentials")
    assert (found.good, found.says.partition(":")[0]) == (False, "PASS_CLIENT_CREDENTIALS")


@pytest.mark.parametrize(("domain", "is_known"), [("a.example", False), ("127.0.0.1", True), ("_default", True)])
async def test_that_the_gateways_own_address_is_of_no_domain_is_said(home: Home, domain: str, is_known: bool) -> None:
    write(home, domain, UPSTREAM)
    found = await finding(home, "credentials")
    unknown = "" if is_known else "; none is for http://127.0.0.1:3000, whose requests are refused"
    assert (found.good, found.says) == (True, f"1 files, all good{unknown}")


async def test_usual_ports_that_are_taken_are_found_before_the_first_run(
    home: Home, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual_ports(monkeypatch, taken)
    found = await finding(home, "plait up")
    assert (found.good, found.says) == (False, f"not running, but port {taken} (--gateway-port) is taken")


async def test_usual_ports_that_are_taken_are_told_of_where_the_last_run_had_others(
    home: Home, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual_ports(monkeypatch, taken)
    run_before(home, free_port())
    found = await finding(home, "plait up")
    assert found.good
    assert found.says.endswith(f"the ports of its last run are free, but port {taken} (--gateway-port) is taken")


async def test_ports_of_the_last_run_that_are_taken_are_found(home: Home, taken: int) -> None:
    run_before(home, taken)
    assert not (await finding(home, "plait up")).good


@pytest.mark.parametrize("check", ["deletions", "analyses"])
async def test_what_could_not_be_looked_at_is_not_called_good(
    home: Home, monkeypatch: pytest.MonkeyPatch, check: str
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    found = await finding(home, check)
    assert (found.good, found.says) == (True, "not looked at: Postgres does not run")
    monkeypatch.setenv("DATABASE_URL", f"postgresql://plait@{LOOPBACK}:{free_port()}/plait")
    found = await finding(home, check)
    assert (found.good, found.says) == (False, "not looked at: Postgres does not answer")


async def test_a_plait_up_that_runs_may_send_notices_elsewhere(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLACK_WEBHOOK_URL", raising=False)
    with home.lock():
        says = (await finding(home, "notices")).says
    assert says.endswith("none are set up by the settings here; the `plait up` that runs has those it was started with")
