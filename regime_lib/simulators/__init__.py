"""Exact models of training in NumPy and SciPy: networks so small that it can be solved."""
