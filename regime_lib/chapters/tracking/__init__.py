"""Chapters 20 to 22: patterns and weights tracked in training, for three kinds of networks."""
