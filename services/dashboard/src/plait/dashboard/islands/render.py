"""Templates: what they may call, and how one becomes an island."""

from __future__ import annotations

from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from plait.dashboard.islands import icons, words
from plait.dashboard.islands.context import context_bar, context_of
from plait.dashboard.islands.unseen import show_unseen

TEMPLATES: Final = Environment(
    loader=PackageLoader("plait.dashboard.islands"),
    autoescape=True,
    undefined=StrictUndefined,
    auto_reload=False,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters.update(
    figure=words.figure,
    dollars=words.dollars,
    share=words.share,
    short=words.short,
    duration=words.duration,
    short_id=words.short_id,
    short_model=words.short_model,
)
TEMPLATES.globals.update(icon=icons.icon, between=words.between, nothing=words.NOTHING)
TEMPLATES.globals.update(context_bar=context_bar, context_of=context_of)


def render(template: str, **values: Any) -> Markup:
    """The HTML of a template; everything in `values` is escaped unless it is markup of ours.

    Characters that cannot be seen, or turn the reading direction, have a mark wherever they stand.
    """
    return Markup(show_unseen(TEMPLATES.get_template(template).render(**values)))  # noqa: S704
