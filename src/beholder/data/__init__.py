"""Reading: archives, folders and arrays of pictures become a `Dataset`."""
