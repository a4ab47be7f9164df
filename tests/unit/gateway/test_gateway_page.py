"""docs/gateway.md tells operators everything: no setting, refusal, ending or metric is left out or made up."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from plait.gateway import access, metrics, relay
from plait.gateway.settings import RelaySettings
from plait.gateway.shipper import metrics as shipper_metrics
from plait.gateway.spool.records import Ending

PAGE = (Path(__file__).parents[3] / "docs/gateway.md").read_text()
UNSEEN = {Ending.CAPTURE_LOST}
"""Endings that no line of the log has: the record's own trouble."""


def reasons(folder: Path) -> set[str]:
    """Reasons of refusals, as the code writes them: each is a small constant beside a message."""
    found: set[str] = set()
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                if node.func.id == "Refusal" and len(node.args) > 3:
                    found |= texts(node.args[3])
                elif node.func.id == "unauthorised":
                    found |= texts(node.args[0])
    return found


def texts(node: ast.expr) -> set[str]:
    return {str(node.value)} if isinstance(node, ast.Constant) else set()


@pytest.mark.parametrize("name", sorted(RelaySettings.model_fields))
def test_every_setting_is_told(name: str) -> None:
    assert f"`{name.upper()}`" in PAGE


def test_every_refusal_is_told() -> None:
    known = reasons(Path(relay.__path__[0])) | reasons(Path(access.__path__[0]))
    assert len(known) > 10
    assert {reason for reason in known if f"`{reason}`" not in PAGE} == set()


def test_every_metric_is_told_and_none_is_made_up() -> None:
    assert metrics.EXCHANGES is not None
    assert shipper_metrics.SHIPPED is not None
    named = {sample.name for family in REGISTRY.collect() for sample in family.samples}
    families = {family.name for family in REGISTRY.collect()}
    known = named | families | {f"{name}_total" for name in families}
    ours = re.findall(r"`(plait_[a-z_]+)`", PAGE)
    assert {name for name in ours if name not in known} == set()
    gateways = {name for name in families if name.startswith(("plait_gateway_", "plait_spool_", "plait_shipper_"))}
    assert {name for name in gateways if not {name, f"{name}_total"} & set(ours)} == set()


@pytest.mark.parametrize("ending", sorted(set(Ending) - UNSEEN))
def test_every_ending_is_told(ending: Ending) -> None:
    assert f"`{ending}`" in PAGE
