"""Chapter 61: basins of attraction of samples and of weights."""
