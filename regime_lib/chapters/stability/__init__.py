"""Chapter 10: why a regime is stable."""
