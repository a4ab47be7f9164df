"""Pages of the front's own: HTML that needs no script."""

from __future__ import annotations

from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from plait.dashboard.assets import LOGO, LOGO_ADDRESS

_PAGES: Final = Environment(
    loader=PackageLoader("plait.dashboard.front"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


def page(template: str, **values: object) -> str:
    """The HTML of one; `values` are escaped."""
    return _PAGES.get_template(template).render(logo=LOGO, icon=LOGO_ADDRESS, **values)
