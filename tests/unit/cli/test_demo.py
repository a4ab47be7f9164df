"""The demo's own parts: its ports, its home, and what it makes of the records."""

from __future__ import annotations

import io
import socket
from pathlib import Path
from typing import Any

import pytest

from plait.cli.demo import home_or_temporary, with_free_ports
from plait.cli.demo_records import Outcome, print_summary
from plait.cli.home import Addresses, Home, Secrets
from plait.cli.plan import Options, Plan
from plait.cli.screen import for_demo, for_passing_demo
from plait.cli.settings import UpSettings
from plait.cli.terminal import Console
from plait.fakes.client import Received
from plait.fakes.player import Played, domain_of
from plait.fakes.recordings import load, samples_folder

ONESHOT = load(samples_folder())["oneshot"][0]


def played(request_id: str | None, *findings: str) -> Played:
    headers = [("X-Request-ID", request_id)] if request_id else []
    received = Received(started=0.0, status=200, headers=headers)
    return Played(ONESHOT, domain_of("oneshot"), received, findings)


def row(request_id: str, **more: Any) -> dict[str, Any]:
    found = {"requestId": request_id, "conversationId": "c1", "branchId": "main", "totalTokens": 1000}
    return {request_id: found | more}


def test_ports_that_are_given_are_taken_as_they_are() -> None:
    options = with_free_ports(Options(Path("/nowhere")), gateway=1234, dashboard=2345, api=3456)
    assert options.ports == {"gateway": 1234, "api": 3456, "dashboard": 2345}


def test_a_usual_port_that_is_taken_is_replaced_by_a_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        options = with_free_ports(Options(Path("/nowhere"), gateway_port=port), dashboard=2345, api=3456)
    assert options.gateway_port not in (port, 0)


def test_a_temporary_home_is_removed_and_a_given_one_kept(tmp_path: Path) -> None:
    with home_or_temporary(None) as folder:
        assert folder.is_dir()
        (folder / "state").touch()
    assert not folder.exists()
    with home_or_temporary(tmp_path) as given:
        assert given == tmp_path
    assert tmp_path.is_dir()


def test_all_is_well_when_everything_is_recorded_and_untouched() -> None:
    assert Outcome([played("a"), played("b")], row("a") | row("b")).faults == []


def test_faults_are_named() -> None:
    outcome = Outcome([played("a", "status 200 became 502"), played(None)], row("a"))
    assert outcome.faults == ["oneshot/1: not recorded", "oneshot/1: status 200 became 502"]


@pytest.mark.parametrize(("faults", "last"), [(1, "oneshot/1: not recorded"), (12, "and 2 more")])
def test_the_summary_counts_and_says_what_is_wrong(faults: int, last: str) -> None:
    records = row("a") | row("b", branchId="branch_20261121000000") | row("c", conversationId=None, branchId=None)
    outcome = Outcome([*(played(i) for i in "abc"), *(played(None) for _ in range(faults))], records)
    screen = io.StringIO()
    print_summary(outcome, Console(file=screen, width=100))
    lines = [line.split() for line in screen.getvalue().splitlines()]
    assert ["oneshot.example.test", "3", "1", "2", "3,000"] in lines
    assert ["3", "1", "2", "3,000"] in lines
    assert last in screen.getvalue()


def test_the_summary_of_all_recordings_fits_80_columns() -> None:
    unheard = Received(started=0.0, status=200, headers=[])
    every = [Played(found[0], domain_of(name), unheard, ()) for name, found in load(samples_folder()).items()]
    records = row("a", totalTokens=99_999_999)
    screen = io.StringIO()
    print_summary(Outcome([*every, played("a")], records), Console(file=screen, width=80))
    table = screen.getvalue().split("  ✗")[0]
    assert table.splitlines()[0].split() == ["client", "exchanges", "conversations", "branches", "tokens"]
    assert "99,999,999" in table
    assert "…" not in table


def test_the_demo_never_asks_for_traffic_and_a_passing_one_for_nothing(tmp_path: Path) -> None:
    assert "recorded answers only" in "".join(for_demo(_plan(tmp_path)))
    assert "ANTHROPIC_BASE_URL" not in "".join(for_demo(_plan(tmp_path)))
    assert for_passing_demo(_plan(tmp_path)) == []


def _plan(home: Path) -> Plan:
    addresses = Addresses(gateway=3000, api=3002, dashboard=3001, postgres=1, broker=2)
    return Plan(Options(home), Home(home), UpSettings(), Secrets("the-key", "ab" * 16, "pw"), addresses)
