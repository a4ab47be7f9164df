"""`plait prices` over recorded usage: what has no price is told, and new prices change costs and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from plait.cli.main import main
from plait.common.consumer import Record
from plait.common.events import response_event
from plait.common.postgres import Database
from plait.ledger.keeping import Keeper
from plait.ledger.processor import Ledger
from tests.unit.ledger.test_costs_by_hand import answer, tokens

Run = Callable[..., tuple[int, str, str]]
OWN = """
version = "contract"
[[price]]
model = "house-*"
input = 2
output = 4
"""


@pytest.fixture
def plait(postgres_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("DATABASE_URL", postgres_url)

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["prices", *map(str, arguments)])
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run


async def rows(url: str, query: str) -> list[dict[str, Any]]:
    connection = await asyncpg.connect(url)
    found = [dict(row) for row in await connection.fetch(query)]
    await connection.close()
    return found


@pytest.fixture
async def _recorded(postgres_url: str) -> None:
    database = Database(postgres_url, name="test", size=1)
    answers = [
        answer("claude-opus-5-5", tokens(1000, 500)),
        answer("house-7b", tokens(1000, 1000), "2026-11-02"),
        answer("house-7b", tokens(1000, 1000), "2026-10-02"),
    ]
    await Ledger(database).process([Record("t", 0, 0, response_event(one)) for one in answers])
    await Keeper(database).tend()
    await database.close()


COSTS = "SELECT model, cost_usd, price_version FROM usage ORDER BY started_at"
REST = (
    "SELECT exchange_id, model, started_at, input_tokens, output_tokens, cache_creation_tokens, estimated, raw, placed"
    " FROM usage ORDER BY 1"
)
SUMS = "SELECT sum(cost_usd) AS cost, sum(unpriced) AS unpriced, sum(reported) AS reported FROM usage_slots"


@pytest.mark.usefixtures("_recorded")
def test_new_prices_change_costs_and_nothing_else(
    plait: Run, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, out, err = plait("check")
    assert (status, out.splitlines()) == (
        1,
        [
            "1 exchange by genai-prices 0.2.3 (2026-11-10): $0.014",
            "no price for\ttier\tspeed\tplace\texchanges\tfirst\tlast",
            "house-7b\t\t\t\t2\t2026-10-02\t2026-11-02",
        ],
    )
    assert "PRICES_FILE" in err
    before = asyncio.run(rows(postgres_url, REST))
    file = tmp_path / "prices.toml"
    file.write_text(OWN, encoding="utf-8")
    monkeypatch.setenv("PRICES_FILE", str(file))

    assert plait("recompute", "--since", "2026-11-01")[:2] == (0, "2 exchanges, 1 changed.\n")
    assert plait("check")[0] == 1
    assert plait("recompute")[:2] == (0, "3 exchanges, 1 changed.\n")
    assert plait("recompute")[:2] == (0, "3 exchanges, 0 changed.\n")
    assert plait("check")[0] == 0
    assert [tuple(row.values()) for row in asyncio.run(rows(postgres_url, COSTS))] == [
        ("house-7b", Decimal("0.006"), "contract"),
        ("claude-opus-5-5", Decimal("0.014"), "genai-prices 0.2.3 (2026-11-10)"),
        ("house-7b", Decimal("0.006"), "contract"),
    ]
    assert asyncio.run(rows(postgres_url, REST)) == before
    (sums,) = asyncio.run(rows(postgres_url, SUMS))
    assert (sums["cost"], sums["unpriced"], sums["reported"]) == (Decimal("0.026"), 0, 3)


def test_prices_in_force_are_listed(plait: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "prices.toml"
    file.write_text(OWN, encoding="utf-8")
    monkeypatch.setenv("PRICES_FILE", str(file))
    status, out, _ = plait("list")
    lines = out.splitlines()
    assert status == 0
    assert lines[1] == "house-*\t2.00\t4.00\t\t\t\t\tcontract"
    assert "claude-opus-5-5\t4.00\t20.00\t5.00\t8.00\t0.20\t10.00\tlist" in lines
    assert "claude-haiku-5-5\t0.10+\t0.50+\t0.125+\t0.20+\t0.01+\t10.00\tlist" in lines
    assert plait("list", "claude-opus-5-5", "--tier", "batch")[1].splitlines()[1].startswith("claude-opus-5-5\t2.00\t")


def test_what_has_no_price_is_told(plait: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert plait("list", "gpt-4")[0] == 1
    assert "gpt-4 has no price" in plait("list", "gpt-4")[2]
    assert plait("check")[:2] == (0, "There is no usage yet.\n")
    monkeypatch.setenv("PRICES_FILE", str(tmp_path / "none.toml"))
    status, _, err = plait("list")
    assert (status, "cannot be read" in err) == (1, True)
