"""Tests: one folder per part of the library, one file per module."""
