"""Tests: one folder a room of the library, one file a module."""
