"""Deleting exchanges so that nothing of them is left, while linkers write.

`forgetting` deletes exchanges and links their neighbours again, `sweeping` deletes the contents that no other exchange
shares, `deletion` does both for a person (`plait.common.forgetting` says which, and takes orders), `retention` for the
calendar, which drops whole `months` where it can.
"""
