"""The shipper: tails spools, builds events of them, publishes them, and forgets only what is safe elsewhere.

`exchange` turns records into events (pure), `progress` knows what may be forgotten (pure), `publishing` talks to the
broker. A `leg` ships one stretch of a spool, a `cargo` one spool, a `voyage` all of them over one connection, the
`shipper` for ever. `docks` finds the spools, `journal` and `aside` keep what kills or cannot be shipped from being
tried for ever, `syncing` has the disk confirm what gateways wrote.
"""
