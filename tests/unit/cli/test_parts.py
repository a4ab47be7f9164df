"""The table of parts."""

from __future__ import annotations

import asyncio
import inspect
from typing import get_args

import pytest

from plait.cli.main import PartName
from plait.cli.parts import PARTS, Part, part, processes
from plait.common.errors import UserError
from plait.common.settings import Settings


@pytest.mark.parametrize("each", PARTS, ids=lambda p: p.name)
def test_each_entry_is_a_coroutine_that_takes_an_event(each: Part) -> None:
    entry = each.load()
    assert inspect.iscoroutinefunction(entry)
    (parameter,) = inspect.signature(entry, eval_str=True).parameters.values()
    assert parameter.annotation is asyncio.Event


@pytest.mark.parametrize("each", PARTS, ids=lambda p: p.name)
def test_each_has_settings(each: Part) -> None:
    assert issubclass(each.settings_class(), Settings)
    assert each.port is None or each.settings_class().model_fields["port"].default == each.port


def test_the_command_offers_every_part() -> None:
    assert get_args(PartName) == tuple(p.name for p in PARTS)


def test_an_unknown_part_is_named() -> None:
    with pytest.raises(UserError, match="There is no part mailer: there are gateway, shipper"):
        part("mailer")


def test_by_default_four_processes() -> None:
    layout = {name: [p.name for p in parts] for name, parts in processes().items()}
    assert layout == {
        "gateway": ["gateway"],
        "workers": ["shipper", "linker", "ledger", "analyzer", "notifier"],
        "api": ["api"],
        "dashboard": ["dashboard"],
    }


def test_one_each_when_asked() -> None:
    assert list(processes(one_each=True)) == [p.name for p in PARTS]
