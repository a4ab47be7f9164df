"""A conversation as its page has read it once, for the head and the tab that is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from plait.common.queries.conversations import Branch, Conversation
from plait.common.queries.exchanges import ExchangeSummary
from plait.dashboard.islands import times
from plait.dashboard.islands.drawing import colours
from plait.dashboard.islands.tree import branches_of, is_side
from plait.dashboard.islands.words import Clock
from plait.dashboard.views.wanted import Wanted


@dataclass(frozen=True)
class Told:
    """What all parts of the page draw from."""

    conversation: Conversation
    wanted: Wanted
    clock: Clock
    branch_of: dict[UUID, str]
    """Each exchange's branch; a side call's is that of what it served."""
    asked: set[UUID]
    """Turns that a person began."""
    shown: list[ExchangeSummary]
    """Of the chosen branch, or all; oldest first."""
    colour: Callable[[str], int]

    @property
    def turns(self) -> list[ExchangeSummary]:
        """Those shown that are no side calls."""
        return [one for one in self.shown if not is_side(one)]

    @property
    def branch(self) -> Branch | None:
        """The chosen branch."""
        return next((b for b in self.conversation.branches if b.branch_id == self.wanted.branch), None)


def tell(conversation: Conversation, wanted: Wanted, clock: Clock) -> Told:
    """Look at it once."""
    branch_of = branches_of(conversation.requests)
    return Told(
        conversation=conversation,
        wanted=wanted,
        clock=clock,
        branch_of=branch_of,
        asked=times.prompts(conversation.requests),
        shown=[e for e in conversation.requests if wanted.branch in ("", branch_of[e.request_id])],
        colour=colours([b.branch_id for b in conversation.branches]),
    )
