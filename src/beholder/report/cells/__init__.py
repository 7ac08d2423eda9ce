"""What the cell of a notebook shows: small HTML fragments without images, for light and dark notebooks."""
