"""The public functions, one file each: the same for Python and for the command line."""
