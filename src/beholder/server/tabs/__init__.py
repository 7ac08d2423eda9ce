"""The tabs of the page, and what they ask the server for."""
