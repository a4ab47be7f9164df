"""The deployment files: valid by their own specifications, and equal to the table of parts that `plait up` runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from plait.cli.parts import PARTS, Part
from plait.common.settings import Settings
from plait.common.topics import MAX_EVENT_BYTES

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
COMPOSE_TEXT = (ROOT / "compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, Any] = COMPOSE["services"]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
IMAGES = sorted(path.name for path in (ROOT / "services").iterdir() if (path / "pyproject.toml").is_file())
NOT_PARTS = {"migrate", "postgres", "kafka"}

each_part = pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)


def environment(part: Part) -> dict[str, str | None]:
    """None: passed on from where compose runs, if it is set there."""
    found: dict[str, str | None] = SERVICES[part.name].get("environment", {})
    return found


def run(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BIN / argv[0], *argv[1:]], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def test_compose_meets_the_specification() -> None:
    done = run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yml")
    assert done.returncode == 0, done.stdout


def test_the_dockerfile_passes_its_linter() -> None:
    done = run("hadolint", "--failure-threshold", "info", "deploy/Dockerfile")
    assert done.returncode == 0, done.stdout


def test_every_part_is_a_service() -> None:
    assert set(SERVICES) - NOT_PARTS == {part.name for part in PARTS}


def test_every_service_has_an_image() -> None:
    targets = re.findall(r"^FROM runtime AS (\S+)$", DOCKERFILE, re.MULTILINE)
    assert sorted(targets) == IMAGES
    for name in targets:
        assert f"COPY requirements/{name}.txt requirements/\n" in DOCKERFILE
        assert f"--require-hashes -r requirements/{name}.txt\n" in DOCKERFILE
        assert (ROOT / "requirements" / f"{name}.txt").is_file()


@each_part
def test_a_service_runs_its_part_from_the_image_that_holds_it(part: Part) -> None:
    service = SERVICES[part.name]
    package = part.entry.split(".")[1]
    assert service["command"] == ["run", part.name]
    assert (service["build"]["target"], service["image"]) == (package, f"plait/{package}")


def test_the_database_is_migrated_by_the_command() -> None:
    assert SERVICES["migrate"]["command"] == ["migrate"]
    needing = {p.name for p in PARTS if "DATABASE_URL" in environment(p)}
    waiting = {name for name, each in SERVICES.items() if "migrate" in each.get("depends_on", {})}
    assert needing == waiting
    assert {SERVICES[name]["depends_on"]["migrate"]["condition"] for name in waiting} == {
        "service_completed_successfully"
    }


@each_part
def test_it_is_told_settings_that_its_part_reads(part: Part) -> None:
    known = {name.upper() for name in part.settings_class().model_fields}
    assert set(environment(part)) <= known


@each_part
def test_it_is_told_all_that_has_no_default_for_a_container(part: Part) -> None:
    fields = part.settings_class().model_fields
    local = {"host", "kafka_bootstrap_servers", "database_url", "spool_dir", "api_url", "dashboard_api_key"}
    needed = {name.upper() for name, field in fields.items() if field.is_required() or name in local}
    assert needed <= set(environment(part))


@each_part
def test_its_values_are_accepted(part: Part, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in environment(part).items():
        if value is not None:
            monkeypatch.setenv(name, _filled(value))
    settings: Settings = part.settings_class()()
    assert settings.log_level == "info"


@each_part
def test_ports_are_the_parts_own(part: Part) -> None:
    assert environment(part).get("PORT") == (str(part.port) if part.port else None)
    asked = " ".join(SERVICES[part.name].get("healthcheck", {}).get("test", []))
    port = part.port or int(environment(part).get("METRICS_PORT") or 0)
    assert f"127.0.0.1:{port}/health/ready" in asked or not (part.port or part.tells_health)
    assert ("METRICS_PORT" in environment(part)) == part.tells_health


def test_only_gateway_and_dashboard_are_published_and_only_on_this_machine() -> None:
    published = {name: each["ports"] for name, each in SERVICES.items() if "ports" in each}
    assert published == {
        "gateway": ["127.0.0.1:${GATEWAY_PORT:-3000}:3000"],
        "dashboard": ["127.0.0.1:${DASHBOARD_PORT:-3001}:3001"],
    }


def test_gateway_and_shipper_share_the_spool() -> None:
    for name in ("gateway", "shipper"):
        assert f"spool:{SERVICES[name]['environment']['SPOOL_DIR']}" in SERVICES[name]["volumes"]


def test_the_gateway_alone_may_write_the_credentials() -> None:
    folder = SERVICES["gateway"]["environment"]["CREDENTIALS_DIR"]
    mounting = [name for name, each in SERVICES.items() if f"credentials:{folder}" in each.get("volumes", [])]
    assert mounting == ["gateway"]
    reading = [name for name, each in SERVICES.items() if f"credentials:{folder}:ro" in each.get("volumes", [])]
    assert reading == ["notifier", "dashboard"]
    assert re.search(rf"install --directory --owner plait .* {folder}$", DOCKERFILE, re.MULTILINE)


def test_the_gateway_waits_for_nobody() -> None:
    assert "depends_on" not in SERVICES["gateway"]


def test_servers_are_waited_for_until_they_serve() -> None:
    for name in ("postgres", "kafka"):
        assert "healthcheck" in SERVICES[name]
        gates = [each["depends_on"][name] for each in SERVICES.values() if name in each.get("depends_on", {})]
        assert gates
        assert all(gate == {"condition": "service_healthy"} for gate in gates)


def test_no_secret_is_written_down_and_a_missing_one_stops_the_start() -> None:
    example = (ROOT / "deploy" / "env.example").read_text()
    for name in ("DASHBOARD_API_KEY", "MASKING_KEY", "POSTGRES_PASSWORD"):
        uses = re.findall(rf"\$\{{{name}[^}}]*\}}", COMPOSE_TEXT)
        assert uses
        assert set(uses) == {f"${{{name}:?set {name} in .env, see deploy/env.example}}"}
        assert f"\n{name}=\n" in example


def test_our_containers_have_no_rights_they_do_not_need() -> None:
    for name in {part.name for part in PARTS} | {"migrate"}:
        service = SERVICES[name]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
    users = re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE)
    assert users == ["10001"]


def test_kafka_takes_our_largest_event() -> None:
    kafka = SERVICES["kafka"]["environment"]
    assert int(kafka["KAFKA_MESSAGE_MAX_BYTES"]) == MAX_EVENT_BYTES
    assert int(kafka["KAFKA_SOCKET_REQUEST_MAX_BYTES"]) > MAX_EVENT_BYTES


def _filled(value: str) -> str:
    """A value as compose puts it in, with a secret for each that has to be given."""
    value = re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", value)
    return re.sub(r"\$\{[A-Z_]+:\?[^}]*\}", "0f" * 32, value)
