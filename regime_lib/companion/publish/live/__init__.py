"""Live cells: code of the book that a reader changes and runs in the page, without a server."""
