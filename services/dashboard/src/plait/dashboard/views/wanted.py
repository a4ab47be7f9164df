"""What the address of a conversation's page says, and addresses of the same conversation seen otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from plait.common.queries.conversations import Conversation
from plait.dashboard.views.shell import address_parameter

VIEWS: Final = ("tree", "timeline", "text", "usage", "analysis")
_LARGEST_PAGE: Final = 6
"""Digits of a page's number."""


@dataclass(frozen=True)
class Wanted:
    """What is asked for; empty texts are the usual."""

    id: UUID
    branch: str
    """One branch alone; empty: all."""
    view: str
    shape: str
    """map, or the list."""
    fold: str
    """on or off; empty: as suits the length."""
    opened: str
    """Keys of folded runs that are unfolded, with commas between."""
    order: str
    """newest, or oldest first."""
    side: str
    """show, or side calls are left out."""
    action: str
    """delete, while that is asked once more."""
    page: int
    """From 1, in views that have pages."""

    def address(self, **changes: str) -> str:
        """The address with these changes; an empty value is the usual one. `page` and `action` are not kept."""
        values = {
            "branch": self.branch,
            "view": "" if self.view == VIEWS[0] else self.view,
            "as": self.shape,
            "fold": self.fold,
            "open": self.opened,
            "order": self.order,
            "side": self.side,
            **changes,
        }
        return f"/conversation?{urlencode({'id': str(self.id), **{name: v for name, v in values.items() if v}})}"

    def toggled(self, key: str) -> str:
        """The address with a run unfolded, or folded again."""
        keys = [one for one in self.opened.split(",") if one]
        changed = [one for one in keys if one != key] if key in keys else [*keys, key]
        return self.address(open=",".join(changed))


def wanted_of(conversation: Conversation) -> Wanted:
    """What the address says; what it says wrongly is the usual."""
    branch = address_parameter("branch")
    return Wanted(
        id=conversation.conversation_id,
        branch=branch if any(b.branch_id == branch for b in conversation.branches) else "",
        view=_one_of("view", VIEWS) or VIEWS[0],
        shape=_one_of("as", ("map",)),
        fold=_one_of("fold", ("on", "off")),
        opened=address_parameter("open"),
        order=_one_of("order", ("newest",)),
        side=_one_of("side", ("show",)),
        action=_one_of("action", ("delete",)),
        page=_page(),
    )


def _one_of(name: str, values: tuple[str, ...]) -> str:
    found = address_parameter(name)
    return found if found in values else ""


def _page() -> int:
    told = address_parameter("page")
    return max(int(told), 1) if told.isascii() and told.isdigit() and len(told) <= _LARGEST_PAGE else 1
