"""Groups: images that belong together, and so to one set."""
