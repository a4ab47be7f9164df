"""Postgres and the broker as child processes of ours, for machines that have neither and no container engine."""
