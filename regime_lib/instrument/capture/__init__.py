"""One observation of a model: every call of a piecewise-linear operator, seen without a change."""
