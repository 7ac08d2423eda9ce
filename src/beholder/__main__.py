"""`python -m beholder` is `beholder`."""

from beholder.cli import main

main()
