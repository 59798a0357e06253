"""Chapter 50: gradient flow of deep linear networks."""
