"""Streamlit's settings and the content policy that belongs to its page."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import streamlit
from streamlit import config

from plait.dashboard.assets import LOGO, LOGO_ADDRESS
from plait.dashboard.front.headers import content_policy
from plait.dashboard.look import configure_streamlit


def test_nothing_leaves_the_host_and_no_inner_detail_shows() -> None:
    configure_streamlit()
    assert config.get_option("browser.gatherUsageStats") is False
    assert config.get_option("client.showErrorDetails") == "none"
    assert config.get_option("server.enableAgentApi") is False
    assert config.get_option("client.toolbarMode") == "minimal"


def test_the_policy_lets_the_inline_script_of_this_streamlit_and_ours_run_and_no_other() -> None:
    index = (Path(streamlit.__file__).parent / "static" / "index.html").read_text()
    script = index.split("<script>", 1)[1].split("</script>", 1)[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert index.count("<script>") == 1
    assert content_policy().count("'sha256-") == 2
    assert f"'sha256-{digest}'" in content_policy()


def test_the_policy_names_no_other_host() -> None:
    assert "http" not in content_policy()
    assert "*" not in content_policy()


def test_the_logo_is_a_drawing_that_loads_nothing() -> None:
    assert LOGO.count("<path") == 3
    assert base64.b64decode(LOGO_ADDRESS.split(",", 1)[1]).decode() == LOGO
    assert LOGO.count("http") == 1  # its namespace
