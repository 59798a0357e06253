"""When a series has settled, why that may be censored, and the ratio of two such times."""
