"""The shipper: tails the spool, builds events of it, publishes them, and forgets only what is safe elsewhere.

`exchange` turns records into events (pure), `progress` knows what may be forgotten (pure), `publishing` talks to the
broker, `shipper` does it all in a loop.
"""
