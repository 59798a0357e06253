"""The figures of the chapters, one module a group of figures; they take plain arrays and frames."""
