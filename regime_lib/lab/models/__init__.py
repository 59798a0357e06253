"""Networks and ensembles of them."""
