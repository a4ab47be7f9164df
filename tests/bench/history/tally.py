"""What the exchanges of a conversation add up to: its row, as the linker keeps it."""

from __future__ import annotations

from typing import Any

from tests.bench.history.told import Told


class Tally:
    """A row of `conversations` as its exchanges are told."""

    def __init__(self, root: Told) -> None:
        self._root = root
        self._count = self._longest = 0
        self._latest, self._last_time = root, root.at
        self._models: set[str] = set()
        self._branches: set[str] = set()

    def add(self, told: Told) -> None:
        """One more."""
        self._count += 1
        if told.linked.link_kind is None:
            return
        over = told.answered is not None and told.answered.outcome == "complete"
        self._longest = max(self._longest, told.asked.depth + over)
        self._latest = max(self._latest, told, key=lambda one: (one.at, one.id))
        self._last_time = max(self._last_time, told.ended_at or told.at)
        self._models |= {told.asked.model} if told.answered and told.asked.model else set()
        self._branches |= {told.linked.branch} if told.linked.branch else set()

    def row(self) -> tuple[Any, ...]:
        """What it comes to."""
        root, person = self._root, self._root.person
        return (
            root.linked.conversation_id, root.id, person.domain, person.account_id, (root.asked.preview or "")[:80],
            root.at, self._last_time, self._latest.id, self._count, self._longest,
            [person.session_id] if person.session_id else [], sorted(self._models), sorted(self._branches),
            len(self._branches), *map(self._named, ("subtask_", "compact_", "branch_")),
        )  # fmt: skip

    def _named(self, beginning: str) -> int:
        return sum(branch.startswith(beginning) for branch in self._branches)
