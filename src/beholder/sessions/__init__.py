"""How a training session is prepared, run, interrupted, resumed, and joined by processes."""
