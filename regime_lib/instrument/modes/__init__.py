"""Order preservation, linear substitution and basins of a trained network."""
