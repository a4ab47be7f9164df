"""How full a model's context is: the share of its window that a prompt takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from plait.common.pricing.listed import listed_window
from plait.dashboard.islands.words import NOTHING, exact, short

_USUAL_WINDOW: Final = 200_000
"""Taken for a model that the published list does not know; what follows from it is marked as an estimate."""
_NEAR: Final = 0.7
_FULL: Final = 0.9


@dataclass(frozen=True)
class Context:
    """A prompt beside the window of its model."""

    tokens: int
    window: int
    estimated: bool
    """The window is not known, and taken to be the usual one."""

    @property
    def share(self) -> float:
        """Of the window, 0 to 1; more where the prompt was longer than the window is known to be."""
        return self.tokens / self.window

    @property
    def level(self) -> str:
        """good up to 70 %, near up to 90 %, full, or over: more than the window is known to hold."""
        if self.share > 1:
            return "over"
        return "full" if self.share > _FULL else "near" if self.share > _NEAR else "good"

    @property
    def told(self) -> str:
        """In words, exact."""
        window = f"{exact(self.window)}{' (a guess: the model is not on the list)' if self.estimated else ''}"
        return f"{exact(self.tokens)} of {window} tokens"


def context_of(tokens: int | None, model: str | None) -> Context | None:
    """The context of a prompt of so many tokens; None without one."""
    if not tokens:
        return None
    known = listed_window(model) if model else None
    return Context(tokens, known or _USUAL_WINDOW, known is None)


def context_bar(context: Context | None) -> Markup:
    """A bar and its share, told in words on hover and to screen readers."""
    if context is None:
        return NOTHING
    return Markup(
        '<span class="context {level}" title="{told}"><span class="bar" role="img" aria-label="{told}">'
        '<i style="width: {width:.0f}%"></i></span><b>{about}{share:.0%}</b> <small>{tokens}</small></span>'
    ).format(
        level=context.level,
        told=context.told,
        width=min(context.share, 1) * 100,
        about="≈ " if context.estimated else "",
        share=context.share,
        tokens=short(context.tokens),
    )
