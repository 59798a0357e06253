"""Tests of the rendered book: `make book` first; `make test` does."""
