"""What can be proven of a pattern: how far parameters may move, along which update it stays."""
