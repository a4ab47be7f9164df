"""The exchange file: recorded exchanges as JSON lines.

`line` is the format, `writing` makes lines of what was recorded.
"""
