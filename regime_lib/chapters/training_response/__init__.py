"""Chapter 30: how the response of a one-hidden-layer network to a step changes with training."""
