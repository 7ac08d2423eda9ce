"""Weights that networks begin with: whose they are, where they are found or fetched from, and how they are read."""
