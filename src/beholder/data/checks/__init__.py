"""What the cheap checks find in a data set."""
