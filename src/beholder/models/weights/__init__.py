"""Weights that networks begin with: which there are, where an installed package keeps them, and how they are read."""
