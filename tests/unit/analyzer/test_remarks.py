"""What a reader is told of how an analysis came about."""

from __future__ import annotations

import pytest

from plait.analyzer.analysing import _remarks
from plait.analyzer.insight.checking import Unfit
from plait.analyzer.insight.prompting import Prompt


@pytest.mark.parametrize(
    ("left_out", "redacted", "told"),
    [
        (0, {}, []),
        (1, {}, ["One message was left out: the branch is too long for the model."]),
        (2, {}, ["2 messages were left out: the branch is too long for the model."]),
        (0, {"key": 1}, ["Secrets and personal data were taken out in one place before it was sent."]),
        (0, {"key": 1, "mail": 2}, ["Secrets and personal data were taken out in 3 places before it was sent."]),
    ],
)
def test_what_was_not_sent_is_counted_in_words(left_out: int, redacted: dict[str, int], told: list[str]) -> None:
    prompt = Prompt(system="", user="", version="v1", tokens=1, left_out=left_out, redacted=redacted)
    answer = Unfit(["it is empty"], "")
    assert _remarks(prompt, answer, repaired=False) == [*told, answer.reason]
