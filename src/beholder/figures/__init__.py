"""Drawings for people, with Pillow alone, so that the light install can draw them."""
