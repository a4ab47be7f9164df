"""What a developer needs to send a client through the gateway."""
