"""What happens now: the read API's events, fetched once for all open pages of this process."""
