"""Deep linear networks under gradient flow."""
