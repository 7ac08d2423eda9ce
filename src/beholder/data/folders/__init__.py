"""Folders of images: which folders are sets, which are classes, and what is left out."""
