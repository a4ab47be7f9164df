"""The disk log between the relay and everything else: what was appended before a crash is read back once, in order.

A folder of segment files, each a run of frames (`frames`), written by one process (`writer`, `redacting`, `syncing`),
tailed by another (`reader`), looked at by people (`inspection`). `records` says what the frames hold, `ends` what
stands for an end that nobody wrote, `shipping` what the reader leaves beside them.
"""
