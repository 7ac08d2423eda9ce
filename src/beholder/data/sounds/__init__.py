"""Sounds: from a file to an image of time and pitch, by one rule for training, answering and the page."""
