"""Which node gets the next chunk; one file a policy."""
