"""Indexes what was newly said, for full-text search, behind the linker's back.

The linker's transaction only queues exchanges (`queue`). `task` takes them out again, a batch in one transaction:
`reading` fetches their messages and those of the exchanges they follow, `news` tells what of them is new, `writing`
keeps the words. Killed at any moment, the batch is in the queue again.
"""
