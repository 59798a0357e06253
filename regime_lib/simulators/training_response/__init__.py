"""One hidden layer trained on one input: its response to a step, and the laws that it follows."""
