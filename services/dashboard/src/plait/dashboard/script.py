"""What Streamlit runs for every page view and click: pick the page that the address names."""

import time

import streamlit as st
import structlog

from plait.common.errors import DependencyDown
from plait.dashboard.islands.live import attended
from plait.dashboard.metrics import RERUN_SECONDS
from plait.dashboard.views import (
    analyses,
    compare,
    conversation,
    conversations,
    limits,
    request,
    requests,
    search,
    settings_page,
    system,
    usage,
)
from plait.dashboard.views.shell import say_broken, say_database_away, say_logged_out
from plait.dashboard.visitor import LoggedOut

began = time.perf_counter()
page = st.navigation(
    [
        st.Page(conversations.show, title="Conversations", url_path="conversations", default=True),
        st.Page(conversation.show, title="Conversation", url_path="conversation", visibility="hidden"),
        st.Page(requests.show, title="Requests", url_path="requests"),
        st.Page(request.show, title="Request", url_path="request", visibility="hidden"),
        st.Page(compare.show, title="Compare", url_path="compare", visibility="hidden"),
        st.Page(usage.show, title="Usage", url_path="usage"),
        st.Page(limits.show, title="Limits", url_path="limits"),
        st.Page(analyses.show, title="Analyses", url_path="analyses"),
        st.Page(system.show, title="System", url_path="system"),
        st.Page(settings_page.show, title="Settings", url_path="settings"),
        st.Page(search.show, title="Search", url_path="search", visibility="hidden"),
    ],
    position="hidden",
)
try:
    with attended():
        page.run()
except LoggedOut:
    say_logged_out()
except DependencyDown as away:
    structlog.get_logger().warning("page without database", page=page.url_path, reason=str(away))
    say_database_away(str(away))
except Exception:
    structlog.get_logger().exception("page failed", page=page.url_path)
    say_broken()
RERUN_SECONDS.labels(page.title.lower()).observe(time.perf_counter() - began)
