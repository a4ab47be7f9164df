"""Deleting exchanges so that nothing of them is left, while linkers write.

`selection` says which, `forgetting` deletes them and links their neighbours again, `sweeping` deletes the contents that
no other exchange shares, `deletion` does all of it for a person, `retention` for the calendar.
"""
