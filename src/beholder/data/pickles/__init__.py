"""Pickles, read without running anything in them: what the readers of CIFAR batches and of weights share."""
