"""What a budget of seconds buys: measure the machine, forecast, keep the deadline."""
