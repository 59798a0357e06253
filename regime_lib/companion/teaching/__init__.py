"""Chapters in class: notebooks for students and instructors, and receipts of what was rerun."""
