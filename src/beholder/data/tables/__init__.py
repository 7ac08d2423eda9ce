"""Tables whose rows name an image and its label each, as sources."""
