"""What exchanges used and cost, what limits their accounts have, and which tools they called (docs/costs.md).

`batch` reads records, `rows`, `calls` and `limits` what each of them says, `processor` stores it, `keeping` tends the
tables beside that; `recomputing` and `checking` are what `plait prices` does.
"""
