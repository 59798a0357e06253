"""Speed and memory of the instrument, against limits and against other tools."""
