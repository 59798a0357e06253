"""Freezing activation patterns: a copy decides what is on, and only the weights go on learning."""
