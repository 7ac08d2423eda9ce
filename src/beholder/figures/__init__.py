"""Pictures made of pictures, with Pillow alone, so that the light install can draw them."""
