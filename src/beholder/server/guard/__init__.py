"""What is let in: who may ask, for what, how large, and for how long."""
