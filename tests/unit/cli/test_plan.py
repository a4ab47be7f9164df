"""What `plait up` decides before it starts anything."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from pydantic import SecretStr

from plait.cli import plan
from plait.cli.home import Home
from plait.cli.leftovers import MARK
from plait.cli.parts import part
from plait.cli.plan import Options, Plan
from plait.cli.program import LOOPBACK
from plait.cli.screen import for_traffic
from plait.cli.settings import UpSettings
from plait.common.errors import UserError
from tests.ports import free_port


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "DASHBOARD_API_KEY", "CREDENTIALS_DIR"):
        monkeypatch.delenv(name, raising=False)


def options(home: Path, **other: object) -> Options:
    free: set[int] = set()
    while len(free) < 3:
        free.add(free_port())
    ports = dict(zip(("gateway_port", "dashboard_port", "api_port"), free, strict=True))
    return Options(home, **(ports | other))  # type: ignore[arg-type]


def made(home: Path, settings: UpSettings | None = None, **other: object) -> Plan:
    place = Home(home)
    place.create()
    return plan.make(options(home, **other), place, settings or UpSettings())


def test_ports_of_embedded_servers_stay_the_same(tmp_path: Path) -> None:
    first, second = made(tmp_path), made(tmp_path)
    assert first.addresses.postgres == second.addresses.postgres
    assert first.addresses.broker == second.addresses.broker


def test_a_port_taken_meanwhile_is_replaced(tmp_path: Path) -> None:
    first = made(tmp_path)
    with socket.create_server((LOOPBACK, first.addresses.broker or 0)):
        second = made(tmp_path)
    assert second.addresses.broker != first.addresses.broker
    assert second.addresses.postgres == first.addresses.postgres


def test_servers_that_are_given_are_used(tmp_path: Path) -> None:
    given = UpSettings(database_url=SecretStr("postgresql://a@b/c"), kafka_bootstrap_servers="k:1")
    found = made(tmp_path, given)
    environment = found.environment("workers", part("linker"))
    assert (found.addresses.postgres, found.addresses.broker) == (None, None)
    assert environment["DATABASE_URL"] == "postgresql://a@b/c"
    assert (environment["KAFKA_BOOTSTRAP_SERVERS"], environment["KAFKA_FLAVOR"]) == ("k:1", "kafka")


def test_our_own_kafka_is_no_embedded_broker(tmp_path: Path) -> None:
    found = made(tmp_path, broker="kafka")
    assert found.addresses.controller
    assert found.environment("workers", part("linker"))["KAFKA_FLAVOR"] == "kafka"


def test_settings_that_mean_one_process_are_not_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOST", "PORT"):
        monkeypatch.setenv(name, "9")
    found = made(tmp_path)
    shipper, gateway = found.environment("shipper", part("shipper")), found.environment("gateway", part("gateway"))
    assert not {"HOST", "PORT"} & set(shipper)
    assert (gateway["HOST"], gateway["PORT"]) == (LOOPBACK, str(found.options.gateway_port))


def test_the_port_of_metrics_is_the_gateways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METRICS_PORT", "9391")
    found = made(tmp_path)
    firsts = {"gateway": "gateway", "api": "api", "workers": "shipper"}
    ports = {name: found.environment(name, part(first))["METRICS_PORT"] for name, first in firsts.items()}
    assert ports == {"gateway": "9391", "api": "0", "workers": str(found.addresses.health["workers"])}


def test_the_dashboard_is_told_where_processes_tell_how_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = made(tmp_path)
    workers = f"http://{LOOPBACK}:{found.addresses.health['workers']}"
    assert json.loads(found.environment("dashboard", part("dashboard"))["METRICS_URLS"]) == {"workers": workers}
    monkeypatch.setenv("METRICS_PORT", "9391")
    told = json.loads(made(tmp_path).environment("dashboard", part("dashboard"))["METRICS_URLS"])
    assert told["gateway"] == f"http://{LOOPBACK}:9391"


def test_every_process_carries_the_mark_of_its_home(tmp_path: Path) -> None:
    found = made(tmp_path)
    assert found.environment("api", part("api"))[MARK] == str(tmp_path.resolve())
    assert found.mark[MARK] == str(tmp_path.resolve())


def test_a_given_key_is_used_and_not_written_down(tmp_path: Path) -> None:
    found = made(tmp_path, UpSettings(dashboard_api_key=SecretStr("given")))
    assert found.environment("api", part("api"))["DASHBOARD_API_KEY"] == "given"
    assert "given" not in (tmp_path / "secrets.json").read_text()


@pytest.mark.parametrize("flag", ["gateway_port", "api_port", "dashboard_port"])
def test_a_taken_port_is_refused_with_the_flag_that_helps(tmp_path: Path, flag: str) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=rf"Port {port} is taken.*--{flag.replace('_', '-')}"):
            made(tmp_path, **{flag: port})


def test_all_taken_ports_are_named_at_once(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as one, socket.create_server((LOOPBACK, 0)) as other:
        first, second = one.getsockname()[1], other.getsockname()[1]
        with pytest.raises(UserError, match=rf"Port {first} is taken.*Port {second} is taken.*--api-port"):
            made(tmp_path, gateway_port=first, api_port=second)


def test_clients_are_sent_to_the_gateways_address_as_long_as_it_has_no_domains(tmp_path: Path) -> None:
    found = made(tmp_path)
    assert f"  export ANTHROPIC_BASE_URL={found.options.url('gateway')}" in for_traffic(found)


def test_with_domains_it_is_said_where_the_clients_are_told_what_to_set(tmp_path: Path) -> None:
    found = made(tmp_path)
    for name in ("a.example", "[2001:db8::1]", "c.example", "d.example", "e.example", "f.example"):
        (found.credentials / f"{name}.credentials.json").write_text("{}")
    lines = for_traffic(found)
    assert f"  plait client DOMAIN --home {tmp_path}" in lines
    named = "[2001:db8::1], a.example, c.example, d.example, e.example and 1 more"
    assert f"It has domains: {named}. What their clients set, and who gets through:" in lines
    assert "ANTHROPIC_BASE_URL" not in "".join(lines)


def test_one_port_twice_is_refused(tmp_path: Path) -> None:
    port = free_port()
    with pytest.raises(UserError, match=f"gateway and api cannot both listen on port {port}"):
        made(tmp_path, gateway_port=port, api_port=port)


@pytest.mark.parametrize("host", ["192.0.2.1", "nowhere.invalid"])
def test_a_foreign_address_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(UserError, match=f"{host} is no address of this machine"):
        made(tmp_path, host=host)


def test_without_dashboard_its_port_does_not_matter(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        found = made(tmp_path, dashboard=False, dashboard_port=taken.getsockname()[1])
    assert "dashboard" not in found.options.ports


@pytest.mark.parametrize(("host", "url"), [("0.0.0.0", "http://127.0.0.1:1"), ("::", "http://[::1]:1")])
def test_what_listens_everywhere_is_reached_on_loopback(host: str, url: str, tmp_path: Path) -> None:
    wide = options(tmp_path, host=host, api_port=1)
    assert wide.url("api") == url


@pytest.mark.parametrize(
    ("host", "is_open"),
    [("127.0.0.1", False), ("::1", False), ("localhost", False), ("0.0.0.0", True), ("::", True), ("10.1.2.3", True)],
)
def test_what_is_open_to_the_network(host: str, is_open: bool, tmp_path: Path) -> None:
    assert options(tmp_path, host=host).is_open == is_open
