"""Islands: what pages show, as HTML made on the server, testable as strings.

A template gets rows of `plait.common.queries` and gives HTML; Jinja2 escapes whatever it is not told to be ours.
"""
