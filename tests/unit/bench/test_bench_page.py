"""What the benchmarks write: sections replaced one by one, figures with their spread."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import page
from tests.bench.load import Load
from tests.bench.tables import figure, table
from tests.bench.turns import added_ms


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "benchmarks.md"
    file.write_text("# Benchmarks\n\nOld words.\n\n## Relay\n\nold\n\n| a |\n\n## Memory\n\nkept\n", encoding="utf-8")
    monkeypatch.setattr(page, "PAGE", file)
    return file


def test_a_section_is_replaced_and_the_others_stay(there: Path) -> None:
    page.write("Relay", "## Relay\n\nnew", ["Relay", "TLS", "Memory"])
    assert page.sections(there.read_text()) == {"Relay": "## Relay\n\nnew", "Memory": "## Memory\n\nkept"}
    assert "Old words" not in there.read_text()


def test_sections_stand_in_the_order_of_their_titles(there: Path) -> None:
    page.write("TLS", "## TLS\n\nfresh", ["Memory", "TLS", "Relay"])
    assert list(page.sections(there.read_text())) == ["Memory", "TLS", "Relay"]


def test_a_figure_is_the_median_with_its_spread() -> None:
    assert figure([0.3, 0.1, 0.2], ".1f", bold=True) == "**0.2** (0.1 to 0.3)"
    assert figure([0.3], ".1f") == "0.3"


def test_a_table_has_a_line_under_its_head() -> None:
    assert table(["a", "b"], [["1", "2"]]) == ["| a | b |", "|---|---|", "| 1 | 2 |"]


def test_latency_is_added_round_by_round() -> None:
    ours, direct = [Load(1, 1.0, 500.0), Load(1, 1.0, 300.0)], [Load(1, 1.0, 100.0), Load(1, 1.0, 50.0)]
    assert added_ms(ours, direct) == [0.4, 0.25]


def test_calls_are_told_by_second_and_by_processor_time() -> None:
    ran = Load(calls=100, seconds=2.0, median_us=1.0, cpu_s=0.5)
    assert (ran.rate, ran.busy, ran.per_core_second) == (50.0, 0.25, 200.0)
