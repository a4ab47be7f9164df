"""Who looks, what they may do beyond looking, and what is written down of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from plait.common.access.grants import ADMIN, VIEWER, Grant, Role
from plait.dashboard import acting, visitor
from plait.dashboard.visitor import LoggedOut, NotAllowed, Visitor

DOMAINS = frozenset({"work.example.com"})


@pytest.fixture(autouse=True)
def nobody() -> Iterator[None]:
    yield
    visitor.attach(None)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What was run on the pool that writes."""
    calls: list[tuple[str, dict[str, Any]]] = []

    def write(action: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
        calls.append((action.__name__, kwargs or {"args": args}))
        return "done"

    monkeypatch.setattr(acting, "write", write)
    return calls


def forget(*_: object) -> None:
    """An action, which the fixture does not run."""


@pytest.mark.parametrize(
    ("role", "read_only", "deletes", "asks"),
    [
        ("viewer", False, False, True),
        ("admin", False, True, True),
        ("viewer", True, False, False),
        ("admin", True, False, False),
    ],
)
def test_what_a_visitor_may(role: Role, read_only: bool, deletes: bool, asks: bool) -> None:
    who = Visitor(Grant("anna", role, DOMAINS), read_only)
    assert (who.may_delete, who.may_ask, who.name, who.domains) == (deletes, asks, "anna", DOMAINS)


@pytest.mark.parametrize(("key", "name"), [(VIEWER, "dashboard key"), (ADMIN, "admin key")])
def test_who_has_a_key_of_the_settings_is_called_by_what_it_is_for(key: str, name: str) -> None:
    assert Visitor(Grant(key, "viewer")).name == name


def test_without_a_session_there_is_no_visitor() -> None:
    with pytest.raises(LoggedOut):
        visitor.visitor()
    visitor.attach(lambda _: None)
    with pytest.raises(LoggedOut):
        visitor.visitor()


def test_what_is_deleted_is_written_down_first(written: list[tuple[str, dict[str, Any]]]) -> None:
    visitor.attach(lambda _: Visitor(Grant("ops", "admin")))
    assert acting.delete({"id": "1"}, forget, "x") == "done"  # type: ignore[arg-type]
    (note, said), (action, given) = written
    assert (note, action, given) == ("note_action", "forget", {"args": ("x",)})
    assert (said["key_name"], said["method"], said["path"], said["query"]) == ("ops", "DELETE", "/conversation", "id=1")


@pytest.mark.parametrize(
    ("act", "who"),
    [
        (acting.delete, Visitor(Grant("anna", "viewer"))),
        (acting.delete, Visitor(Grant("ops", "admin"), read_only=True)),
        (acting.ask, Visitor(Grant("ops", "admin"), read_only=True)),
    ],
)
def test_who_may_not_changes_nothing(
    written: list[tuple[str, dict[str, Any]]], act: Callable[..., Any], who: Visitor
) -> None:
    visitor.attach(lambda _: who)
    with pytest.raises(NotAllowed, match="DASHBOARD_READ_ONLY"):
        act({"id": "1"}, forget)
    assert written == []


def test_viewers_may_ask_for_analyses(written: list[tuple[str, dict[str, Any]]]) -> None:
    visitor.attach(lambda _: Visitor(Grant("anna", "viewer")))
    assert acting.ask({"id": "1"}, forget) == "done"  # type: ignore[arg-type]
    assert [name for name, _ in written] == ["note_action", "forget"]
