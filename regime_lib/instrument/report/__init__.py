"""A page on one run or several: what was seen, when it settled, and how sure that is."""
