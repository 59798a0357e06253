"""Chapter 40: the four phases of a two-layer ReLU network under gradient flow."""
