"""What the components that draw a tree are given."""

from __future__ import annotations

import json
from typing import Any

from plait.common.events import Fault
from plait.common.queries.exchanges import ExchangeSummary
from plait.dashboard.islands.drawing import Seen, colours, draw
from plait.dashboard.islands.folding import fold
from plait.dashboard.islands.times import prompts
from plait.dashboard.islands.tree import lay_out
from plait.dashboard.islands.words import Clock, zone_of
from tests.unit.dashboard.exchanges import START, exchange, number

CLOCK = Clock(zone_of("Europe/Berlin"), START)


def drawn(exchanges: list[ExchangeSummary], folded: bool = False, **errors: int) -> dict[str, Any]:
    """The data as the browser gets it."""
    seen = Seen(
        clock=CLOCK,
        kinds={"main": "main", "subtask_1": "subtask"},
        asked=prompts(exchanges),
        tool_errors={number(int(n.removeprefix("n"))): count for n, count in errors.items()},
        unfold=lambda key: f"/conversation?open={key}",
    )
    data = draw(lay_out(fold(exchanges) if folded else [[e] for e in exchanges]), seen, colours(["main", "subtask_1"]))
    told: dict[str, Any] = json.loads(json.dumps(data))
    return told


def test_a_row_says_what_it_is_in_short_words_and_exactly() -> None:
    turn = exchange(
        0,
        model="claude-haiku-4-5-20251001",
        input_tokens=12,
        cache_read_input_tokens=150_000,
        cache_creation_input_tokens=0,
        output_tokens=40,
        total_tokens=150_052,
        cost_usd=0.25,
    )
    (row,) = drawn([turn])["rows"]
    assert row["href"] == f"/request?id={number(0)}"
    assert (row["text"], row["who"], row["took"], row["tokens"]) == ("turn 0", "person", "500 ms", "150k")
    assert row["used"] == [12, 150_000, 0, 40]
    assert row["context"] == [0.75, "near", "150,012 of 200,000 tokens"]
    assert (row["model"], row["cost"]) == ("haiku-4-5", "$0.250")
    assert row["at"] == START.timestamp() * 1000


def test_kinds_of_rows_and_branches_are_told_apart() -> None:
    data = drawn(
        [
            exchange(0, tool_call_count=1),
            exchange(1, 0, "subtask_1", link_kind="spawn"),
            exchange(2, 0),
            exchange(3, 2, kind="compaction", link_kind="compact"),
            exchange(4, link_kind=None, side_kind="web_search", serves_request_id=number(2)),
        ]
    )
    assert [row.get("who", "") for row in data["rows"]] == ["person", "subtask", "", "compact", "side"]
    assert [row.get("parent") for row in data["rows"]] == [None, 0, 0, 2, 2]
    assert data["rows"][1]["opens"]
    assert data["rows"][4]["badge"] == [["web search", ""]]
    assert data["branches"][1] == {"name": "sub-task 1", "colour": 1, "kind": "subtask", "lane": 1}
    assert data["list"] == {"lanes": 2, "lines": [[0, 0, 0, 4], [1, 1, 1, 1, 0, 0]]}


def test_what_went_wrong_is_marked() -> None:
    failed = exchange(1, 0, outcome="failed", status=529, error=Fault("overloaded_error", "Overloaded"))
    rows = drawn([exchange(0), failed, exchange(2, 0, outcome=None), exchange(3, 0)], n3=2)["rows"]
    assert rows[1]["badge"] == [["failed 529", "bad"]]
    assert rows[1]["error"] == "overloaded_error: Overloaded"
    assert (rows[2]["state"], rows[2]["badge"]) == ("running", [["running", ""]])
    assert (rows[3]["state"], rows[3]["badge"]) == ("bad", [["2 tool errors", "bad"]])


def test_a_folded_run_tells_its_sums_its_time_and_its_last_tool() -> None:
    turns = [exchange(n, n - 1 if n else None, tool_call_count=1, total_tokens=1000) for n in range(6)]
    row = drawn(turns, folded=True)["rows"][1]
    assert row["run"] == 4
    assert row["text"] == "4 tool turns · turn 4"
    assert (row["tokens"], row["took"]) == ("4.0k", "2.0 s")
    assert row["until"] - row["at"] == 3000
    assert row["href"] == f"/conversation?open={number(1).hex[-12:]}"


def test_main_is_grey_and_the_others_take_turns_in_colour() -> None:
    colour = colours(["main", *(f"branch_{n}" for n in range(1, 9))])
    assert colour("main") == 0
    assert [colour(f"branch_{n}") for n in range(1, 9)] == [1, 2, 3, 4, 5, 6, 7, 1]
