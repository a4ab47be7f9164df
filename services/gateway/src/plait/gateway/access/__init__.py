"""Who may go on, and as whom: domains, their credential files, their clients' keys.

A request's Host is looked up in a table that was read from the folder before; nothing of a request ever becomes a path.
"""
