"""The relay: takes a request, gives it to Claude, gives the answer back, and copies both into the spool.

It parses no body, knows nothing of Kafka, and nothing that happens behind the spool can slow it down.
"""
