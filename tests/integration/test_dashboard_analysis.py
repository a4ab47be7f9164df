"""What the page of a conversation asks for: analyses and deletions, and neither of who may not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest
from streamlit.testing.v1 import AppTest

from plait.common.access.grants import Grant
from plait.common.analysis import LONGEST_WISH
from plait.common.queries.administration import latest_actions
from plait.common.queries.analyses import get_analysis
from plait.dashboard import database
from plait.dashboard.views import deleting
from plait.dashboard.visitor import Visitor
from tests.dashboard_reading import ADMINISTRATOR, drawn, reading_from
from tests.dashboard_reading import view as first_view
from tests.dashboard_scene import Week, seed_week
from tests.dashboard_server import database as fresh_database

ANALYST = Visitor(Grant("ana", "viewer"))
ATTACK = "<script>window.hit = 1</script>"
FINDINGS: dict[str, Any] = {
    "summary": f"The torn tail was found. {ATTACK}",
    "keyTopics": ["spool", ATTACK],
    "sentiment": "mixed",
    "userIntent": "Fix a flaky test.",
    "outcomes": ["The length is patched first."],
    "actionItems": [{"type": "prompt_improvement", "description": "Name the test.", "priority": "high"}],
    "promptingTips": [
        {"category": "clarity", "issue": "No log was given.", "suggestion": "Paste it.", "example": "Here: …"},
    ],
    "interactionPatterns": {
        "promptClarity": 6.5,
        "contextCompleteness": 3,
        "followUpEffectiveness": "needs_improvement",
        "commonIssues": ["Terse."],
        "strengths": ["Patient."],
    },
    "technicalDetails": {"frameworks": ["pytest"], "issues": ["Torn tail."], "solutions": ["Check the head."]},
    "conversationQuality": {"clarity": "high", "completeness": "partial", "effectiveness": "effective"},
    "turningPoints": [{"requestId": "e41a42dc-0946-421d-b28f-b75dfee8176a", "why": "The header came first."}],
    "costliestSteps": [{"requestId": "e41a42dc-0946-421d-b28f-b75dfee8176a", "tokens": 41_000, "why": "41,000 tokens"}],
}


@pytest.fixture(scope="module")
def week_and_address(postgres_server: str, migrated_template: str) -> Iterator[tuple[Week, str]]:
    kept: list[Week] = []

    async def fill(db: asyncpg.Connection) -> None:
        kept.append(await seed_week(db, others=0))

    with fresh_database(postgres_server, migrated_template, fill) as url:
        yield kept[0], url


@pytest.fixture(params=[ANALYST], ids=["viewer"])
def week(week_and_address: tuple[Week, str], request: pytest.FixtureRequest) -> Iterator[Week]:
    """The seeded conversations, with the page reading them for a visitor; no analysis is there."""
    change(week_and_address[1], "TRUNCATE analyses, analysis_rates")
    with reading_from(week_and_address[1], request.param):
        yield week_and_address[0]


@pytest.fixture
def address(week_and_address: tuple[Week, str]) -> str:
    return week_and_address[1]


def change(address: str, statement: str, *values: object) -> None:
    """Change the database, as an analyzer would."""

    async def run() -> None:
        connection = await asyncpg.connect(address)
        try:
            await connection.execute(statement, *values)
        finally:
            await connection.close()

    asyncio.run(run())


def conversation() -> None:
    from plait.dashboard.views import conversation

    conversation.show()


def view(week: Week, **parameters: str) -> AppTest:
    """The page after its first run."""
    return first_view(conversation, **{"id": str(week.spool), "view": "analysis", **parameters})


def test_an_analysis_is_asked_for_with_a_wish_under_the_visitors_name(week: Week) -> None:
    test = view(week, branch="subtask_1")
    assert "Nobody has asked for an analysis of this branch yet." in drawn(test)
    test.text_area(key="analysis_wish").set_value("Why so slow?")
    test.button(key="analysis_ask").click().run()
    assert "waiting for an analyzer" in drawn(test)
    assert "Why so slow?" in drawn(test)
    assert not test.button
    known = database.read(get_analysis, week.spool, "subtask_1")
    assert known
    assert (known.status, known.asked_by, known.custom_prompt) == ("pending", "key ana", "Why so slow?")
    (action, *_) = database.read(latest_actions, 1)
    assert (action.key_name, action.method, action.path) == ("ana", "POST", "/conversation")


def test_a_wish_is_bounded_and_storable_whatever_a_browser_sends(week: Week) -> None:
    test = view(week)
    test.text_area(key="analysis_wish").set_value("Why\0?" + "x" * 2 * LONGEST_WISH)
    test.button(key="analysis_ask").click().run()
    assert "waiting for an analyzer" in drawn(test)
    known = database.read(get_analysis, week.spool, "main")
    assert known
    assert (known.custom_prompt or "").startswith("Why?xxx")
    assert len(known.custom_prompt or "") <= LONGEST_WISH


def test_a_model_at_work_and_what_went_wrong_before_are_told(week: Week, address: str) -> None:
    view(week).button(key="analysis_ask").click().run()
    change(address, "UPDATE analyses SET status = 'processing', attempts = 2, started_at = now(), error = 'too busy'")
    html = drawn(view(week))
    assert "a model is reading" in html
    assert 'role="progressbar"' in html
    assert "<b>The last attempt failed.</b> too busy" in html


def test_what_was_found_has_all_its_sections(week: Week, address: str) -> None:
    view(week).button(key="analysis_ask").click().run()
    done = "UPDATE analyses SET status = 'completed', completed_at = now(), model = 'gemini', content = 'x', data = $1"
    change(address, done, json.dumps(FINDINGS))
    test = view(week)
    html = drawn(test)
    for told in (
        *("analysed", "The torn tail was found.", "Fix a flaky test.", "The length is patched first."),
        *("better prompt", "No log was given.", "Paste it.", "Here: …", "6.5 of 10", "needs improvement"),
        *("Patient.", "Terse.", "pytest", "Check the head.", "partial", "The header came first.", "41.0k"),
    ):
        assert told in html
    assert ATTACK not in html
    assert test.button(key="analysis_ask").label == "Analyse again"
    test.button(key="analysis_ask").click().run()
    html = drawn(test)
    assert "waiting for an analyzer" in html
    assert "Below stands the last good result." in html
    assert "The torn tail was found." in html


@pytest.mark.parametrize("data", [None, '{"summary": "of another form"}'])
def test_an_answer_of_another_form_is_shown_as_it_came(week: Week, address: str, data: str | None) -> None:
    view(week).button(key="analysis_ask").click().run()
    done = "UPDATE analyses SET status = 'completed', completed_at = now(), content = $1, data = $2"
    change(address, done, f"**Bold** {ATTACK} ![x](https://evil.example/x.png)", data)
    html = drawn(view(week))
    assert "As the model wrote it" in html
    assert "<strong>Bold</strong>" in html
    assert ATTACK not in html
    assert "<img" not in html


def test_a_failed_one_says_why_and_can_be_asked_for_again(week: Week, address: str) -> None:
    view(week).button(key="analysis_ask").click().run()
    change(address, "UPDATE analyses SET status = 'failed', attempts = 3, error = 'GEMINI_API_KEY is not set'")
    test = view(week)
    assert "<b>It failed.</b> GEMINI_API_KEY is not set" in drawn(test)
    test.button(key="analysis_ask").click().run()
    assert "waiting for an analyzer" in drawn(test)


@pytest.mark.parametrize("week", [Visitor(Grant("ana", "viewer"), read_only=True)], indirect=True, ids=["read-only"])
def test_nobody_asks_where_nothing_may_be_changed(week: Week) -> None:
    test = view(week)
    assert "Analyses cannot be asked for here" in drawn(test)
    assert not test.button


def test_who_is_no_administrator_cannot_delete(week: Week) -> None:
    test = view(week, action="delete")
    assert "Nothing can be deleted here" in drawn(test)
    assert "action=delete" not in drawn(view(week))
    assert "delete" not in [button.key for button in test.button]


@pytest.mark.parametrize("week", [ADMINISTRATOR], indirect=True, ids=["administrator"])
def test_an_administrator_is_asked_once_more(week: Week, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deleting, "_PATIENCE_S", 0.1)
    assert "action=delete" in drawn(view(week))
    test = view(week, action="delete")
    assert "Delete this conversation?" in drawn(test)
    assert test.button(key="delete").label == "Delete 21 requests for good"
    test.button(key="delete").click().run()
    assert "It is being deleted" in drawn(test)
    assert "Delete this conversation?" not in drawn(test), "nothing of what goes can be clicked any more"
    assert "Timeline" not in drawn(test)
    (action, *_) = database.read(latest_actions, 1)
    assert (action.key_name, action.method, action.query) == ("tests", "DELETE", f"id={week.spool}")
