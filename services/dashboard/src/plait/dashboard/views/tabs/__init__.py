"""The tabs of a conversation's page: one module each, with `show(seen)`."""
