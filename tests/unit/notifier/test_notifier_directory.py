"""Credential files' slack blocks, read again when they change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from plait.notifier.directory import Directory, Slack
from plait.notifier.routes import Routes, SlackRoute
from plait.notifier.settings import ChannelSettings

GLOBAL = "https://hooks.slack.com/services/T/B/global"
OWN = "https://hooks.slack.com/services/T/B/own"


def write(folder: Path, name: str, **fields: Any) -> None:
    (folder / f"{name}.credentials.json").write_text(json.dumps(fields))


def lanes(folder: Path, domain: str, **given: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {"slack_webhook_url": GLOBAL, "credentials_dir": folder}
    settings = ChannelSettings(**(usual | given))
    return Routes(settings, Directory(folder).look()).of(domain)


def test_changes_are_seen_and_the_last_good_content_stays(tmp_path: Path) -> None:
    directory = Directory(tmp_path)
    assert directory.look().find("a.test") is None
    write(tmp_path, "a.test", slack={"webhook_url": OWN})
    entry = directory.look().find("a.test")
    assert entry
    assert entry.slack == Slack(webhook_url=OWN)
    (tmp_path / "a.test.credentials.json").write_text("{broken")
    assert directory.look().find("a.test") == entry
    write(tmp_path, "a.test", slack={"enabled": False, "more": 1}, type="api_key", api_key="k")
    changed = directory.look().find("a.test")
    assert changed
    assert changed.slack == Slack(enabled=False)
    (tmp_path / "a.test.credentials.json").unlink()
    assert directory.look().find("a.test") is None


def test_a_folder_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    assert Directory(tmp_path / "none").look().find("a.test") is None


@pytest.mark.parametrize(
    ("block", "lane", "url"),
    [
        (None, "slack", GLOBAL),
        ({}, "slack", GLOBAL),
        ({"channel": "#a"}, "slack", GLOBAL),
        ({"webhook_url": OWN}, "slack *.a.test", OWN),
        ({"webhook_url": OWN, "enabled": True}, "slack *.a.test", OWN),
    ],
)
def test_a_domain_s_block_goes_before_the_settings(
    tmp_path: Path, block: dict[str, Any] | None, lane: str, url: str
) -> None:
    write(tmp_path, "*.a.test", **({} if block is None else {"slack": block}))
    ((name, route),) = lanes(tmp_path, "x.a.test", slack_username="Plait").items()
    assert isinstance(route, SlackRoute)
    assert (name, route.webhook_url, route.username) == (lane, url, "Plait")


def test_what_is_switched_off_has_no_way_out(tmp_path: Path) -> None:
    write(tmp_path, "off.test", slack={"webhook_url": OWN, "enabled": False})
    write(tmp_path, "on.test", slack={"webhook_url": OWN, "enabled": True})
    assert lanes(tmp_path, "off.test") == {}
    assert lanes(tmp_path, "on.test", slack_enabled=False) == {}
    assert lanes(tmp_path, "other.test", slack_webhook_url=None) == {}
    hook = {"webhook_url": "https://h.test/", "webhook_secret": "s"}
    assert list(lanes(tmp_path, "off.test", **hook)) == ["webhook"]
    assert lanes(tmp_path, "off.test", slack_mute="off.test", **hook) == {}


@pytest.mark.parametrize(
    ("domain", "settings", "heard"),
    [
        ("personal.test", {}, False),
        ("my-personal-mac", {}, False),
        ("personal.test", {"slack_unmute": "x.test, personal.test"}, True),
        ("asked.personal.test", {}, True),
        ("asked.personal.test", {"slack_mute": "*.personal.test"}, False),
        ("work.test", {"slack_mute": "*.test"}, False),
        ("work.test", {"slack_mute": "_default"}, False),
        ("work.test", {"slack_mute": "other.test"}, True),
    ],
)
def test_who_is_heard_of(tmp_path: Path, domain: str, settings: dict[str, str], heard: bool) -> None:
    write(tmp_path, "asked.personal.test", slack={"enabled": True})
    assert bool(lanes(tmp_path, domain, **settings)) is heard


def test_logins_that_have_ended_are_known(tmp_path: Path) -> None:
    write(tmp_path, "a.test", type="oauth", oauth={"accessToken": "t", "expiresAt": 1})
    write(tmp_path, "b.test", type="oauth", oauth={"accessToken": "t", "expiresAt": 1, "refreshToken": "r"})
    write(tmp_path, "c.test", type="api_key", api_key="k")
    table = Directory(tmp_path).look()
    assert [entry.name for entry in table.ended] == ["a.test"]
    marks = {name: entry.credential for name in ("a.test", "b.test", "c.test") if (entry := table.find(name))}
    assert marks["a.test"] == marks["b.test"] != marks["c.test"]
