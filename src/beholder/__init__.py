"""Beholder: train a picture classifier in the minutes you have, and see what it sees."""
