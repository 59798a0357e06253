"""Chapter 60: neurons that preserve order."""
