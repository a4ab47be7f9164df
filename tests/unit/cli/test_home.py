"""The folder of all state."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from plait.cli.home import Addresses, Home
from plait.common.errors import UserError


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.create()
    return made


def test_secrets_are_made_once_and_differ_between_homes(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other")
    other.create()
    assert home.secrets() == home.secrets()
    assert home.secrets() != other.secrets()
    assert len(bytes.fromhex(home.secrets().masking_key)) == 32


def test_nobody_else_reads_secrets_or_addresses(home: Home) -> None:
    home.secrets()
    home.remember(Addresses(gateway=1, api=2, dashboard=None, postgres=3, broker=4))
    for path in (home.path / "secrets.json", home.run / "addresses.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", ["", "{", '{"dashboard_key": "x"}', "[]"])
def test_broken_secrets_are_never_replaced(home: Home, content: str) -> None:
    path = home.path / "secrets.json"
    path.write_text(content)
    with pytest.raises(UserError, match=r"secrets\.json is broken"):
        home.secrets()
    assert path.read_text() == content


def test_addresses_come_back(home: Home) -> None:
    addresses = Addresses(gateway=1, api=2, dashboard=3, postgres=4, broker=5, flavor="kafka", health={"workers": 6})
    home.remember(addresses)
    assert home.addresses() == addresses


def test_addresses_of_another_version_are_forgotten(home: Home) -> None:
    (home.run / "addresses.json").write_text('{"gateway": "three thousand"}')
    assert home.addresses() is None


def test_only_one_at_a_time(home: Home) -> None:
    with home.lock():
        assert home.is_locked()
        with pytest.raises(UserError, match=rf"already runs on {home.path} \(process {os.getpid()}\)"), home.lock():
            pass
    assert not home.is_locked()
    with home.lock():
        pass


def test_a_home_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot be used: Not a directory\. Give another folder with --home"):
        Home(tmp_path / "file" / "home").create()


def test_parts_of_one_process_share_its_log(home: Home) -> None:
    os.close(home.open_log("workers", ["linker", "ledger"]))
    (home.logs / "workers.log").write_text("line")
    assert (home.logs / "linker.log").read_text() == (home.logs / "ledger.log").read_text() == "line"


def test_a_part_that_gets_its_own_process_gets_its_own_log(home: Home) -> None:
    os.close(home.open_log("workers", ["linker"]))
    os.close(home.open_log("linker", ["linker"]))
    assert not (home.logs / "linker.log").is_symlink()
    os.close(home.open_log("workers", ["linker"]))
    assert (home.logs / "linker.log").is_symlink()


def test_a_large_log_is_put_aside(home: Home) -> None:
    path = home.logs / "api.log"
    with path.open("wb") as file:
        file.truncate(21 * 1024 * 1024)
    os.close(home.open_log("api", ["api"]))
    assert path.stat().st_size == 0
    assert (home.logs / "api.log.1").stat().st_size == 21 * 1024 * 1024
