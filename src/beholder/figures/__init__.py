"""Images made of images, with Pillow alone, so that the light install can draw them."""
