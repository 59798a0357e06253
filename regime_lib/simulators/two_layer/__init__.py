"""Two inputs and one hidden layer of rectifiers under gradient flow, solved from event to event."""
