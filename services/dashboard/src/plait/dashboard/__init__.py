"""The dashboard: people look at it and understand their conversations, their spending, and what went wrong."""
