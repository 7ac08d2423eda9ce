"""Reading: archives, folders and arrays of images become a `Dataset`."""
