"""What a comparison does before and after it trains: which runs it needs, and the table of their figures."""
