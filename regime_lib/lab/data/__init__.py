"""Data sets by name, prepared, and where their files lie."""
