"""Trackers in the training loops and loggers of others, and pictures of runs; imported late."""
