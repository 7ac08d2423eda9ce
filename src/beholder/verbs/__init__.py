"""The verbs: each composes the rooms below it, the same for Python and for the command line."""
