"""Stand-ins for what Plait sits between: a scripted Claude, and a player of recorded clients."""
