"""A training run, followed live."""
