"""Fitting a network: batches, steps, schedule, checkpoints, and the export of an artifact."""
