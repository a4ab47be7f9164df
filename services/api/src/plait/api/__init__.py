"""The read API over HTTP: what the database holds, for scripts and pages, behind a key."""
