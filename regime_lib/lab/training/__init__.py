"""How a network is trained: seeds, batches, the loop, checkpoints."""
