"""From image files to pixels: one decoding rule for training, answering and the page."""
