"""Figures of merit: plain NumPy in, figures out."""
