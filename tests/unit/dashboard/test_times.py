"""Where the time went."""

from __future__ import annotations

from plait.dashboard.islands.times import Times, failures, prompts, spend
from tests.unit.dashboard.exchanges import exchange, number


def test_time_is_split_between_model_tools_and_person() -> None:
    turns = [exchange(0, tool_call_count=1), exchange(4, 0), exchange(10, 4)]
    assert spend(turns) == Times(inference=1500, tools=3500, waiting=5500)


def test_what_runs_at_the_same_time_is_counted_once() -> None:
    turns = [exchange(0, duration_ms=4000.0), exchange(1, 0, duration_ms=1000.0), exchange(2, 0, duration_ms=3000.0)]
    assert spend(turns).inference == 5000


def test_a_running_exchange_takes_no_time_yet() -> None:
    assert spend([exchange(0, duration_ms=None, outcome=None)]) == Times(0, 0, 0)


def test_a_sub_task_is_nobodys_waiting() -> None:
    assert spend([exchange(0), exchange(9, 0, "subtask_1", link_kind="spawn")]).waiting == 0


def test_a_client_that_left_is_no_failure() -> None:
    outcomes = ["complete", "failed", "interrupted", "rejected", "aborted", None]
    assert failures([exchange(n, outcome=outcome) for n, outcome in enumerate(outcomes)]) == 3


def test_a_turn_that_brings_results_is_no_prompt() -> None:
    turns = [exchange(0, tool_call_count=1), exchange(1, 0), exchange(2, 1), exchange(3, 2, link_kind="compact")]
    assert prompts(turns) == {number(0), number(2)}


def test_what_follows_a_cut_answer_is_a_prompt_though_it_called_tools() -> None:
    turns = [exchange(0, tool_call_count=1, outcome="interrupted"), exchange(1, 0, link_kind="interrupted")]
    assert prompts(turns) == {number(0), number(1)}
