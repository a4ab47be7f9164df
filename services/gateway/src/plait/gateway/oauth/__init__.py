"""Logins at Claude: taken with `plait login`, refreshed before they expire, written back before they are used."""
