"""One training step: the backend, the optimizer, and the batches that it sees."""
