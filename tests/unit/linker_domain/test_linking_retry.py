"""Rule 1: the same request again after an attempt that brought nothing or was cut."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from plait.linker.domain.facts import Facts
from plait.linker.domain.request import request_facts, with_answer
from tests.unit.linker_domain.clients import Outcome, assistant, exchange, request_data, response_data, user
from tests.unit.linker_domain.weaving import names_of, parent_of

HELLO = [user("Hello")]


def attempt(number: int, outcome: Outcome = "failed", *content: str, **more: Any) -> Facts:
    return exchange(number, HELLO, *content, outcome=outcome, **{"session": "s", **more})


def again(number: int, **more: Any) -> Facts:
    return exchange(number, HELLO, "Hi", **{"session": "s", **more})


@pytest.mark.parametrize(
    "first",
    [attempt(1), attempt(1, "aborted"), attempt(1, "interrupted", "H"), attempt(1, "complete")],
    ids=["failed", "aborted", "cut", "empty"],
)
def test_after_each_kind_of_failure(first: Facts) -> None:
    assert parent_of(first, again(2)) == ("retry", 1)


def test_after_a_complete_answer_it_is_none() -> None:
    assert parent_of(again(1), again(2)) == ("none", None)


def test_an_attempt_is_retried_once_the_newest_first() -> None:
    line = [attempt(1), attempt(2), again(3), again(4)]
    names = names_of(*line)
    assert [parent_of(*line[:n])[1] for n in (2, 3, 4)] == [1, 2, None]
    assert len({names[n].conversation_id for n in (1, 2, 3)}) == 1
    assert names[4].conversation_id != names[1].conversation_id


def test_only_in_the_same_session_and_agent() -> None:
    assert parent_of(attempt(1), again(2, session="t")) == ("none", None)
    assert parent_of(attempt(1), again(2, agent="a1")) == ("none", None)


def test_more_typed_after_a_failure() -> None:
    more = [user("Hello", "And you?")]
    assert parent_of(attempt(1), exchange(2, more, "Hi", session="s")) == ("retry", 1)
    assert parent_of(attempt(1, "interrupted", "H"), exchange(2, more, "Hi", session="s")) == ("none", None)


def test_threads_must_be_equal() -> None:
    assert parent_of(attempt(1, thread={"type": "create"}), again(2)) == ("none", None)


def test_a_cut_answer_that_somebody_went_on_from_is_a_branch_point() -> None:
    cut = attempt(1, "aborted", "One two")
    on = exchange(2, [*HELLO, assistant("One"), user("Go on")], "Three", session="s")
    assert parent_of(cut, on) == ("edited", 1)
    assert parent_of(cut, on, again(3)) == ("none", None)


def test_who_goes_on_from_an_equal_requests_other_answer_is_nobody_to_the_cut_one() -> None:
    cut = attempt(2, "aborted", "One two")
    on = exchange(3, [*HELLO, assistant("Hi"), user("Go on")], "Three", session="s")
    assert parent_of(again(1), cut, on) == ("match", 1)
    assert parent_of(again(1), cut, on, again(4)) == ("retry", 2)


@pytest.mark.parametrize(
    ("lasted", "at", "outcome", "found"),
    [
        (1, 5, "failed", True),
        (1, 121, "failed", True),
        (1, 123, "failed", False),
        (9, 5, "failed", False),
        (4.5, 5, "aborted", True),
        (5.5, 5, "aborted", True),
        (6.5, 5, "aborted", False),
    ],
)
def test_without_a_session_time_decides(lasted: float, at: int, outcome: Outcome, found: bool) -> None:
    request = request_data(1, HELLO, at=1)
    first = with_answer(request_facts(request), response_data(request, outcome=outcome, lasted=lasted - 1))
    assert (parent_of(first, again(2, session=None, at=at)) == ("retry", 1)) is found


@pytest.mark.parametrize(("counted", "at", "found"), [("0", 5, False), ("1", 5, True), ("1", 5000, True)])
def test_without_a_session_the_sdks_count_decides(counted: str, at: int, found: bool) -> None:
    second = again(2, session=None, at=at, headers={"x-stainless-retry-count": counted})
    assert (parent_of(attempt(1, session=None), second) == ("retry", 1)) is found


def test_the_cli_counts_nothing() -> None:
    headers = {"x-stainless-retry-count": "0", "user-agent": "claude-cli/2.1.329 (external, cli)"}
    assert parent_of(attempt(1, session=None), again(2, session=None, headers=headers)) == ("retry", 1)


@pytest.mark.parametrize("counted", ["0", "1"])
@pytest.mark.parametrize("session", [None, "s"])
def test_a_gateway_that_tries_again_numbers_its_attempts(counted: str, session: str | None) -> None:
    """The client knows nothing of it and sends its count, 0, with each."""
    sdk = {"x-stainless-retry-count": counted}
    first = attempt(1, session=session, headers=sdk)
    second = attempt(2, session=session, headers={**sdk, "x-plait-attempt": "2"})
    third = again(3, session=session, headers={**sdk, "x-plait-attempt": "3"})
    assert parent_of(first, second) == ("retry", 1)
    assert parent_of(first, second, third) == ("retry", 2)
    names = names_of(first, second, third)
    assert len({names[number].conversation_id for number in (1, 2, 3)}) == 1


@pytest.mark.parametrize("said", ["", "1", "0", "-2", "２", "22", "x"])
def test_no_other_number_of_an_attempt_counts(said: str) -> None:
    headers = {"x-stainless-retry-count": "0", "x-plait-attempt": said}
    assert parent_of(attempt(1, session=None), again(2, session=None, headers=headers)) == ("none", None)


def test_parallel_requests_share_out_the_attempts() -> None:
    """Two equal requests fail together; two come again: each takes one."""
    first, second = (attempt(n, session=None, at=n / 10) for n in (1, 2))
    third, fourth = (again(n, session=None, at=n) for n in (3, 4))
    assert parent_of(first, second) == ("none", None)
    assert parent_of(first, second, third) == ("retry", 2)
    assert parent_of(first, second, third, fourth) == ("retry", 1)


def test_a_running_attempt_is_none() -> None:
    running = replace(attempt(1), answer=None)
    assert parent_of(running, again(2)) == ("none", None)


def test_parent_branch_and_conversation_are_the_attempts() -> None:
    root = again(1)
    history = [*HELLO, assistant("Hi"), user("More")]
    failed = exchange(2, history, outcome="failed", session="s")
    good = exchange(3, history, "Well", session="s")
    names = names_of(root, failed, good)
    assert (names[3].link_kind, names[3].parent_id, names[3].branch_id) == ("retry", root.id, "main")
    assert names[2].link_kind == "continue"
    assert good.started_at - failed.started_at == timedelta(seconds=1)
