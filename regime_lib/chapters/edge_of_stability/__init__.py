"""Chapter 25: the edge of stability, seen in the patterns."""
