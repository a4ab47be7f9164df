"""What Streamlit runs for every page view and click: pick the page that the address names."""

import streamlit as st
import structlog

from plait.common.errors import DependencyDown
from plait.dashboard.views import conversation, conversations, request
from plait.dashboard.views.shell import say_broken, say_database_away

page = st.navigation(
    [
        st.Page(conversations.show, title="Conversations", url_path="conversations", default=True),
        st.Page(conversation.show, title="Conversation", url_path="conversation", visibility="hidden"),
        st.Page(request.show, title="Request", url_path="request", visibility="hidden"),
    ],
    position="hidden",
)
try:
    page.run()
except DependencyDown as away:
    structlog.get_logger().warning("page without database", page=page.url_path, reason=str(away))
    say_database_away(str(away))
except Exception:
    structlog.get_logger().exception("page failed", page=page.url_path)
    say_broken()
