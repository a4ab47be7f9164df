"""Streamlit's own settings: nothing leaves the host, no inner detail shows, and our colours in light and dark."""

from __future__ import annotations

from typing import Any, Final

from streamlit import config

_BEHAVIOUR: Final[dict[str, Any]] = {
    "browser.gatherUsageStats": False,
    "client.showErrorDetails": "none",
    "client.showErrorLinks": False,
    "client.toolbarMode": "minimal",
    "client.showSidebarNavigation": False,
    "logger.enableRich": False,
    "runner.magicEnabled": False,
    "server.enableAgentApi": False,
    "server.enableStaticServing": False,
    "server.fileWatcherType": "none",
    "server.maxUploadSize": 1,
}

_THEME: Final[dict[str, Any]] = {
    "baseRadius": "0.625rem",
    "paddingTop": "4rem",
    "paddingBottom": "3rem",
    "headingFontSizes": ["1.6rem", "1.25rem", "1.1rem", "1rem", "0.9rem", "0.85rem"],
    "headingFontWeights": [700, 650, 600, 600, 600, 600],
    "showWidgetBorder": True,
    "codeFontSize": "0.8rem",
}

_LIGHT: Final = {
    "primaryColor": "#6a4bdb",
    "backgroundColor": "#fcfbf9",
    "secondaryBackgroundColor": "#f3f1ec",
    "textColor": "#23211d",
    "linkColor": "#5a3cc9",
    "borderColor": "#e1ddd5",
    "codeBackgroundColor": "#f5f3ee",
    "redTextColor": "#a8281f",
    "orangeTextColor": "#a4530d",
    "yellowTextColor": "#7d5f00",
    "blueTextColor": "#2459a8",
    "greenTextColor": "#1c6b40",
    "violetTextColor": "#5a3cc9",
    "grayTextColor": "#67625a",
    "redColor": "#c9372c",
    "orangeColor": "#cf7b2c",
    "greenColor": "#2f8457",
}

_DARK: Final = {
    "primaryColor": "#a58bff",
    "backgroundColor": "#131216",
    "secondaryBackgroundColor": "#1d1c22",
    "textColor": "#ecebf0",
    "linkColor": "#b8a4ff",
    "borderColor": "#34323b",
    "codeBackgroundColor": "#1d1c22",
    "redTextColor": "#ff9d94",
    "orangeTextColor": "#f2ac72",
    "yellowTextColor": "#e3c35f",
    "blueTextColor": "#8fb8f6",
    "greenTextColor": "#7fd0a3",
    "violetTextColor": "#b8a4ff",
    "grayTextColor": "#a4a1ad",
    "redColor": "#f0695f",
    "orangeColor": "#e39a55",
    "greenColor": "#58b384",
}


def configure_streamlit() -> None:
    """Set them, over whatever configuration files lie about."""
    _set("", _BEHAVIOUR)
    _set("theme.", _THEME)
    _set("theme.light.", _LIGHT)
    _set("theme.dark.", _DARK)


def _set(prefix: str, options: dict[str, Any]) -> None:
    for name, value in options.items():
        config.set_option(prefix + name, value)
