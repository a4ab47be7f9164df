"""Sums of dollars as `plait prices check` shows them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from plait.cli.commands.prices import shown_sum


@pytest.mark.parametrize(
    ("dollars", "shown"),
    [
        ("0", "0.00"),
        ("0.0011", "0.0011"),
        ("0.0000004", "0.00000040"),
        ("0.097719", "0.098"),
        ("0.5", "0.50"),
        ("0.997", "1.00"),
        ("1.005", "1.00"),
        ("12345.678", "12,345.68"),
    ],
)
def test_nothing_that_costs_is_shown_as_nothing(dollars: str, shown: str) -> None:
    assert shown_sum(Decimal(dollars)) == shown
