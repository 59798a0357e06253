"""Chapter 23: the ratio of two settling times under every definition and setting."""
