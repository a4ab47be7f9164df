"""The disk log between the relay and everything else: what was appended before a crash is read back once, in order.

A folder of segment files, each a run of frames (`frames`), written by one process (`writer`), tailed by another
(`reader`). `records` says what the frames hold, `recovery` what happens after a crash.
"""
