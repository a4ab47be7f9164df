"""Plait's common ground: what every service shares and what none of them owns."""
