"""Checks of the book's exercises: each takes the reader's function and says what is missing."""
