"""How pytest checks the chapters: ``pytest --nbval notebooks/…``."""

from tests.notebooks.nbval_guard import (
    pytest_collection_modifyitems,
    pytest_configure,
)

__all__ = ["pytest_collection_modifyitems", "pytest_configure"]
