"""The server: one page for people and an HTTP interface for programs, over a trained classifier or a training run."""
