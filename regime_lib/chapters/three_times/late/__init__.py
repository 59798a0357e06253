"""Runs to the end of training: their grid, how they are computed, and what they say."""
