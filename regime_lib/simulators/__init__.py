"""Exact small worlds in NumPy and SciPy: networks so small that their training can be solved."""

from __future__ import annotations

__all__: list[str] = []
