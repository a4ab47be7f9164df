"""Drawings: the logo, a braid of three strands, as inline SVG and as an address that loads nothing."""

from __future__ import annotations

import base64
from importlib import resources
from pathlib import Path
from typing import Final

LOGO: Final = (resources.files(__name__) / "logo.svg").read_text(encoding="utf-8").strip()
"""The braid alone, as SVG text."""

LOGO_ADDRESS: Final = f"data:image/svg+xml;base64,{base64.b64encode(LOGO.encode()).decode()}"
"""The braid as a data address."""

LOGO_FILE: Final = Path(str(resources.files(__name__) / "logo.svg"))
"""The braid as a file, for what wants a path."""
