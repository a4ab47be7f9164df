"""A conversation as one file: `exchange_lines` for programs, `markdown` and `webpage` for people.

Each is told piece by piece: a conversation of any size is never held whole.
"""
