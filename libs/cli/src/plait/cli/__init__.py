"""The `plait` command: everything's public face."""
