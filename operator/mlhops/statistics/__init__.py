"""What the data say about a model: rates, gaps and their intervals. Only numpy, no I/O."""
