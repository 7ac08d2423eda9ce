"""The server: one page for people and an HTTP interface for programs, over a trained classifier or a training run."""

HOST = "127.0.0.1"  # this machine alone
PORT, WATCH_PORT = 8000, 8001  # of `serve` and of `watch`
