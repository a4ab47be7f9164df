"""Icons as inline SVG: 16 by 16, drawn with the colour of the text beside them. No font, no emoji."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

_SHAPES: Final = {
    "person": '<circle cx="8" cy="5" r="2.6"/><path d="M2.8 13.6c.5-3 2.6-4.4 5.2-4.4s4.7 1.4 5.2 4.4"/>',
    "tool": '<path d="M3 13l5.2-5.2M9.6 2.7a3.4 3.4 0 0 0 3.7 4.7 3.4 3.4 0 0 1-4.9 1.1'
    'M9.6 2.7a3.4 3.4 0 0 0-2.1 4.8"/>',
    "branch": '<circle cx="4.5" cy="3.5" r="1.6"/><circle cx="4.5" cy="12.5" r="1.6"/>'
    '<circle cx="11.5" cy="5.5" r="1.6"/><path d="M4.5 5.1v5.8M11.5 7.1c0 2.4-4 2.2-6.6 3.9"/>',
    "subtask": '<rect x="3" y="5.5" width="10" height="7.5" rx="2"/>'
    '<path d="M8 5.5V3M6 8.7v1.2M10 8.7v1.2M1.4 8.5v2M14.6 8.5v2"/><circle cx="8" cy="2.3" r=".8"/>',
    "compact": '<path d="M3 8h10M8 1.8v3.6M6 3.8l2 2 2-2M8 14.2v-3.6M6 12.2l2-2 2 2"/>',
    "side": '<path d="M3 3v5.5a2 2 0 0 0 2 2h8M10.5 8l2.5 2.5L10.5 13"/>',
    "search": '<circle cx="7" cy="7" r="4.2"/><path d="M10.2 10.2 14 14"/>',
    "image": '<rect x="2" y="3" width="12" height="10" rx="2"/><circle cx="5.6" cy="6.4" r="1.1"/>'
    '<path d="M2.5 12l3.5-3.4 2.4 2.2 2.3-2.6 3 3.3"/>',
    "document": '<path d="M4 1.8h5l3 3v9.4H4zM9 1.8v3h3M6 8h4M6 10.5h4"/>',
    "copy": '<rect x="5.5" y="5.5" width="8" height="8" rx="1.6"/>'
    '<path d="M3.6 10.5h-.2a1.4 1.4 0 0 1-1.4-1.4V3.9a1.4 1.4 0 0 1 1.4-1.4h5.2A1.4 1.4 0 0 1 10 3.9v.2"/>',
    "alert": '<path d="M8 2.2 14.2 13H1.8zM8 6.6v3M8 11.3v.2"/>',
    "check": '<path d="M3 8.5l3.2 3.2L13 4.6"/>',
    "cross": '<path d="M4 4l8 8M12 4l-8 8"/>',
    "thought": '<path d="M8 2.2c3.4 0 6 2.1 6 4.7s-2.6 4.7-6 4.7c-.6 0-1.2-.1-1.8-.2L3.2 13l.5-2.7'
    'C2.6 9.5 2 8.3 2 6.9c0-2.6 2.6-4.7 6-4.7z"/>',
    "up": '<path d="M8 13V3M4 7l4-4 4 4"/>',
    "down": '<path d="M8 3v10M4 9l4 4 4-4"/>',
    "left": '<path d="M10 3 5 8l5 5"/>',
    "right": '<path d="M6 3l5 5-5 5"/>',
    "list": '<path d="M5.5 4H14M5.5 8H14M5.5 12H14M2.3 4h.2M2.3 8h.2M2.3 12h.2"/>',
    "compare": '<rect x="2" y="3" width="5" height="10" rx="1.3"/><rect x="9" y="3" width="5" height="10" rx="1.3"/>'
    '<path d="M4.5 6v4M11.5 6v4"/>',
    "retry": '<path d="M13.2 6.5A5.5 5.5 0 1 0 13.5 9M13.5 2.8v3.7H9.8"/>',
    "talk": '<path d="M2 3.4h8.4v5.4H5.2L3 10.8V8.8H2z"/><path d="M12.2 6H14v6.4h-1v2l-2.2-2H6.6"/>',
    "bars": '<path d="M3 13V7.5M8 13V3M13 13V5.5"/>',
    "gauge": '<path d="M2.6 12.2a6 6 0 1 1 10.8 0M8 9.6l2.6-3.4"/><circle cx="8" cy="10" r=".9"/>',
    "spark": '<path d="M8 2l1.5 4.5L14 8l-4.5 1.5L8 14l-1.5-4.5L2 8l4.5-1.5z"/>',
    "pulse": '<path d="M1.5 8.5h3L6.5 3l3 10 2-4.5h3"/>',
    "sliders": '<path d="M2 4.5h6M11.5 4.5H14M2 11.5h2.5M8 11.5h6"/><circle cx="9.7" cy="4.5" r="1.7"/>'
    '<circle cx="6.2" cy="11.5" r="1.7"/>',
    "menu": '<path d="M2.5 4.2h11M2.5 8h11M2.5 11.8h11"/>',
    "download": '<path d="M8 2.5v7.5M4.8 7 8 10.2 11.2 7M3 13.2h10"/>',
    "live": '<circle cx="8" cy="8" r="1.6"/><path d="M4.5 4.5a5 5 0 0 0 0 7M11.5 4.5a5 5 0 0 1 0 7"/>',
    "database": '<ellipse cx="8" cy="4" rx="5" ry="2"/>'
    '<path d="M3 4v8c0 1.1 2.2 2 5 2s5-.9 5-2V4M3 8c0 1.1 2.2 2 5 2s5-.9 5-2"/>',
    "key": '<circle cx="5" cy="11" r="2.6"/><path d="M7 9l6-6M11 5l1.8 1.8M9.2 6.8l1.3 1.3"/>',
    "clock": '<circle cx="8" cy="8" r="5.8"/><path d="M8 4.8V8l2.2 1.6"/>',
    "link": '<path d="M6.6 9.4l2.8-2.8M7.2 4.6l1.4-1.4a2.8 2.8 0 0 1 4 4l-1.4 1.4'
    'M8.8 11.4l-1.4 1.4a2.8 2.8 0 0 1-4-4l1.4-1.4"/>',
    "trash": '<path d="M2.8 4.4h10.4M6.2 4.2V2.6h3.6v1.6M4.2 4.6l.6 8.8h6.4l.6-8.8M6.8 7v4M9.2 7v4"/>',
    "door": '<path d="M9.5 2.5H4v11h5.5M7 8h7M11.3 5.3 14 8l-2.7 2.7"/>',
}


def icon(name: str) -> Markup:
    """The icon of that name, hidden from screen readers: the text beside it says the same."""
    return Markup(  # noqa: S704
        '<svg class="icon" viewBox="0 0 16 16" width="16" height="16" fill="none" stroke="currentColor" '
        f'stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{_SHAPES[name]}</svg>'
    )
