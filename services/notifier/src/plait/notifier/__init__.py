"""Tells people what matters where they are: in Slack, or at a webhook of their own (docs/notices.md)."""
