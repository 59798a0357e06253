"""Chapter 62: late generalisation."""
