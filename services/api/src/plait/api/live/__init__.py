"""What happens now: events read from Kafka, told to whoever listens, and forgotten."""
