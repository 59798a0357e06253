"""Chapter 24: frozen activation patterns, and what a regime change is good for."""
