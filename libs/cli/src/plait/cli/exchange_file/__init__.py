"""The exchange file: recorded exchanges as JSON lines, written from a database and published from again.

`line` is the format, `files` the ways into a file or a pipe; `writing` makes lines of what was recorded, `events` makes
of lines the events that a gateway would send; `export` and `publish` do it for all of them.
"""
